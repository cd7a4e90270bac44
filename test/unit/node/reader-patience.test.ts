import { describe, expect, it } from 'vitest'
import { ReaderPatience } from '../../../node/serve/reader-patience.ts'
import { VirtualClock } from '../../../testing/index.ts'

const WINDOW = 2_097_152
const FRAME = 65_536

/** Patience with a reader whose window is full. */
function setting() {
  const clock = new VirtualClock()
  const state = { spent: 0, contended: true }
  const patience = new ReaderPatience({
    isContended: () => state.contended,
    onSpent: () => {
      state.spent += 1
    },
    clock,
  })
  let sent = WINDOW
  /** A write that waits for so long; then the reader has taken so many bytes more. */
  const write = async (ms: number, bytes: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = patience.during(promise, () => sent)
    await clock.advance(ms)
    sent += bytes
    resolve()
    await done
  }
  return { state, write }
}

describe('patience with a reader', () => {
  it('ends after five seconds without reading, while other peers wait', async () => {
    const { state, write } = setting()
    await write(5_000, 0)
    expect(state.spent).toBe(0)
    await write(500, 0)
    expect(state.spent).toBe(1)
  })

  it('lasts while no other peer wants the slot', async () => {
    const { state, write } = setting()
    state.contended = false
    await write(25_000, 0)
    expect(state.spent).toBe(0)
    state.contended = true
    await write(1_000, 0)
    expect(state.spent).toBeGreaterThan(0)
  })

  it.each([
    ['a frame', 500],
    ['a window', 16_000],
  ])(
    'lasts with a reader over a slow line that takes %s at a time, however long it waits',
    async (_, ms) => {
      const { state, write } = setting()
      // It emptied its buffer before the first wait.
      await write(2_000, WINDOW)
      for (let n = 0; n < 50; n += 1) await write(ms, ms * 125)
      expect(state.spent).toBe(0)
    },
  )

  it('ends with a reader that takes a little now and then', async () => {
    const { state, write } = setting()
    for (let n = 0; n < 4; n += 1) await write(3_000, FRAME)
    expect(state.spent).toBeGreaterThan(0)
  })

  it('counts short waits, so that many of them add up', async () => {
    const { state, write } = setting()
    for (let n = 0; n < 25; n += 1) await write(250, 250)
    await write(500, 250)
    expect(state.spent).toBe(1)
  })

  it('is not used up by reading fast for long, and then no more', async () => {
    const { state, write } = setting()
    for (let n = 0; n < 100; n += 1) await write(1, WINDOW)
    await write(40_000, 0)
    expect(state.spent).toBeGreaterThan(0)
  })

  it('does not blame the reader for a loop that was blocked', async () => {
    let nowMs = 0
    let check = (): void => {}
    let spent = 0
    const clock = {
      now: () => nowMs,
      wall: () => nowMs,
      after: (_: number, run: () => void) => {
        check = run
        return { [Symbol.dispose]() {} }
      },
    }
    const onSpent = (): void => {
      spent += 1
    }
    const patience = new ReaderPatience({ isContended: () => true, onSpent, clock })
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = patience.during(promise, () => WINDOW)
    nowMs = 60_000
    check()
    expect(spent).toBe(0)
    resolve()
    await done
  })
})
