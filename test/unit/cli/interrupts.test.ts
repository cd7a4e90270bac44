import { EventEmitter } from 'node:events'
import { expect, it, vi } from 'vitest'
import { createInterrupts } from '../../../cli/interrupts.ts'
import { InferenceError } from '../../../protocol/index.ts'

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('stops in an orderly way at the first %s and dies at the second', (name, exitCode) => {
  const source = new EventEmitter()
  const die = vi.fn()
  const interrupts = createInterrupts(source, die)
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

it('has no exit code of its own after a mere stop, and leaves no listener', () => {
  const source = new EventEmitter()
  const interrupts = createInterrupts(source, vi.fn())
  interrupts.stop('stdin was closed')
  expect(interrupts.signal.aborted).toBe(true)
  expect(interrupts.exitCode()).toBeUndefined()
  interrupts.close()
  expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0)
})
