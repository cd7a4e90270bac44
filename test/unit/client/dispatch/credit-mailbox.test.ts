import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Credit } from '../../../../client/dispatch/credit.ts'
import { Mailbox } from '../../../../timing/mailbox.ts'

const listeners = ({ signal }: AbortController): number => getEventListeners(signal, 'abort').length

/** Whether the promise has settled after the pending microtasks. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  const mark = (): void => {
    done = true
  }
  promise.then(mark, mark)
  for (let i = 0; i < 10; i += 1) await Promise.resolve()
  return done
}

afterEach(() => {
  vi.useRealTimers()
})

describe('credit', () => {
  it('allows one step for each grant, including grants in advance', async () => {
    const credit = new Credit()
    credit.grant()
    credit.grant()
    await credit.take(1)
    await credit.take(1)
    const third = credit.take(1)
    expect(await settled(third)).toBe(false)
    credit.grant()
    await third
  })

  it('is taken for several steps at once', async () => {
    const credit = new Credit()
    credit.grant()
    const three = credit.take(3)
    credit.grant()
    expect(await settled(three)).toBe(false)
    credit.grant()
    await three
    expect(await settled(credit.take(1))).toBe(false)
  })

  it('ends a wait, and each later one, with the reason for which it was stopped', async () => {
    const credit = new Credit()
    const taking = credit.take(1)
    credit.stop(new Error('enough'))
    credit.stop(new Error('too late'))
    credit.grant()
    await expect(taking).rejects.toThrow('enough')
    await expect(credit.take(1)).rejects.toThrow('enough')
  })
})

describe('a mailbox', () => {
  it('returns messages in order of arrival, without a wait for those already there', async () => {
    const mailbox = new Mailbox<number>()
    mailbox.put(1)
    mailbox.put(2)
    await mailbox.wait(undefined, new AbortController().signal)
    expect([mailbox.take(), mailbox.take(), mailbox.take()]).toEqual([1, 2, undefined])
  })

  it('wakes for a message, with one timer and one listener for all waits until it is disposed of', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const mailbox = new Mailbox<number>()
    const controller = new AbortController()
    for (let sent = 0; sent < 3; sent += 1) {
      const waiting = mailbox.wait(performance.now() + 50 + sent, controller.signal)
      mailbox.put(sent)
      await waiting
      expect([mailbox.take(), vi.getTimerCount(), listeners(controller)]).toEqual([sent, 1, 1])
    }
    mailbox[Symbol.dispose]()
    expect([vi.getTimerCount(), listeners(controller)]).toEqual([0, 0])
  })

  it('wakes when the time is over and not before, however far off it is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const mailbox = new Mailbox<number>()
    const { signal } = new AbortController()
    const soon = mailbox.wait(performance.now() + 50, signal)
    vi.advanceTimersByTime(49)
    expect(await settled(soon)).toBe(false)
    vi.advanceTimersByTime(1)
    expect(await settled(soon)).toBe(true)
    const controller = new AbortController()
    for (const farMs of [1e12, Number.POSITIVE_INFINITY]) {
      const far = mailbox.wait(farMs, controller.signal)
      vi.advanceTimersByTime(60_000)
      expect(await settled(far)).toBe(false)
      mailbox.put(1)
      await far
      mailbox.take()
    }
  })

  it('wakes for the signal', async () => {
    const controller = new AbortController()
    using mailbox = new Mailbox<number>()
    const waiting = mailbox.wait(undefined, controller.signal)
    controller.abort()
    await waiting
    await mailbox.wait(undefined, controller.signal)
  })

  it('wakes for an earlier deadline than the one before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    using mailbox = new Mailbox<number>()
    const { signal } = new AbortController()
    const late = mailbox.wait(performance.now() + 1_000, signal)
    mailbox.put(1)
    await late
    mailbox.take()
    const soon = mailbox.wait(performance.now() + 50, signal)
    vi.advanceTimersByTime(50)
    expect(await settled(soon)).toBe(true)
  })
})
