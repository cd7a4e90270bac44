import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ReaderPatience } from '../../../node/serve/reader-patience.ts'
import { systemClock } from '../../../timing/index.ts'

describe('patience with a reader', () => {
  let spent = 0
  let contended = true
  beforeEach(() => {
    vi.useFakeTimers()
    spent = 0
    contended = true
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const create = (): ReaderPatience =>
    new ReaderPatience({
      isContended: () => contended,
      onSpent: () => {
        spent += 1
      },
      clock: systemClock,
    })
  const wait = async (patience: ReaderPatience, ms: number): Promise<void> => {
    const write = Promise.withResolvers<void>()
    const done = patience.during(write.promise)
    await vi.advanceTimersByTimeAsync(ms)
    write.resolve()
    await done
  }

  it('ends with a reader that reads a little now and then, while others wait', async () => {
    const patience = create()
    await wait(patience, 3_000)
    await wait(patience, 0)
    expect(spent).toBe(0)
    await wait(patience, 3_000)
    expect(spent).toBeGreaterThan(0)
  })

  it('lasts while no other request wants the slot', async () => {
    contended = false
    const patience = create()
    await wait(patience, 25_000)
    expect(spent).toBe(0)
    contended = true
    await wait(patience, 1_000)
    expect(spent).toBeGreaterThan(0)
  })

  it('lasts with a reader that keeps up for more than half of the time', async () => {
    const patience = create()
    for (let n = 0; n < 20; n += 1) {
      await wait(patience, 1_000)
      await vi.advanceTimersByTimeAsync(1_500)
    }
    expect(spent).toBe(0)
  })
})
