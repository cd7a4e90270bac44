import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { createInterrupts } from '../../../cli/interrupts.ts'
import { InferenceError } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('stops in an orderly way at the first %s and dies at the second', (name, exitCode) => {
  const source = new EventEmitter()
  const die = vi.fn()
  const interrupts = createInterrupts(source, die)
  interrupts.listen()
  source.emit(name)
  expect(InferenceError.is(interrupts.signal.reason, 'cancelled')).toBe(true)
  expect(interrupts.exitCode()).toBe(exitCode)
  expect(die).not.toHaveBeenCalled()
  source.emit(name)
  expect(die).toHaveBeenCalledExactlyOnceWith(exitCode)
})

it('passes Ctrl-C to an interceptor for as long as it is set', () => {
  const source = new EventEmitter()
  const interrupts = createInterrupts(source, vi.fn())
  interrupts.listen()
  const listener = vi.fn()
  const restore = interrupts.intercept(listener)
  source.emit('SIGINT')
  interrupts.receive('SIGINT')
  expect(listener).toHaveBeenCalledTimes(2)
  expect(interrupts.signal.aborted).toBe(false)
  restore()
  source.emit('SIGINT')
  expect(interrupts.signal.aborted).toBe(true)
})

it('leaves signals to the system until the command begins', () => {
  const source = new EventEmitter()
  const interrupts = createInterrupts(source, vi.fn())
  expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0)
  interrupts.listen()
  interrupts.listen()
  expect(source.listenerCount('SIGINT')).toBe(1)
  expect(source.listenerCount('SIGTERM')).toBe(1)
})

it('has no exit code of its own after a mere stop, and leaves no listener', () => {
  const source = new EventEmitter()
  const interrupts = createInterrupts(source, vi.fn())
  interrupts.listen()
  interrupts.stop('stdin was closed')
  expect(interrupts.signal.aborted).toBe(true)
  expect(interrupts.exitCode()).toBeUndefined()
  interrupts.close()
  expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0)
})

describe('after Ctrl-C', () => {
  const open = () => {
    const source = new EventEmitter()
    const die = vi.fn()
    const clock = new VirtualClock()
    const interrupts = createInterrupts(source, die, clock)
    interrupts.listen()
    return { source, die, clock, interrupts }
  }

  it('ends a command that waits for something within a second', async () => {
    const { source, die, clock, interrupts } = open()
    interrupts.onLate(() => 7)
    interrupts.onLate(() => 0)
    await clock.advance(10_000)
    source.emit('SIGINT')
    await clock.advance(500)
    expect(die).not.toHaveBeenCalled()
    await clock.advance(500)
    expect(die).toHaveBeenCalledExactlyOnceWith(0)
  })

  it('waits for what was promised, and a moment longer', async () => {
    const { source, die, clock, interrupts } = open()
    source.emit('SIGINT')
    const holds = [interrupts.hold(), interrupts.hold()]
    await clock.advance(60_000)
    holds[0]?.[Symbol.dispose]()
    holds[0]?.[Symbol.dispose]()
    await clock.advance(60_000)
    expect(die).not.toHaveBeenCalled()
    holds[1]?.[Symbol.dispose]()
    await clock.advance(1_000)
    expect(die).toHaveBeenCalledExactlyOnceWith(130)
  })

  it('leaves a supervisor’s SIGTERM its own deadline, and is over once the command has ended', async () => {
    const terminated = open()
    terminated.source.emit('SIGTERM')
    await terminated.clock.advance(60_000)
    expect(terminated.die).not.toHaveBeenCalled()
    const ended = open()
    ended.source.emit('SIGINT')
    ended.interrupts.close()
    await ended.clock.advance(60_000)
    expect(ended.die).not.toHaveBeenCalled()
  })
})
