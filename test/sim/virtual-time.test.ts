import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../bench/sim/virtual-time.ts'

/** An async function that goes on so many times, and then tells. */
async function afterAwaits(count: number, tell: () => void): Promise<void> {
  for (let n = 0; n < count; n += 1) await undefined
  tell()
}

describe('virtual time', () => {
  it('does not go on before what an event set off has ended, however many awaits that takes', async () => {
    const time = new VirtualTime()
    const seen: number[] = []
    time.after(0, () => {
      for (const awaits of [0, 1, 4, 50]) void afterAwaits(awaits, () => seen.push(time.now()))
    })
    for (let n = 1; n <= 100; n += 1) time.after(60_000 * n, () => {})
    await time.run()
    expect(seen).toEqual([0, 0, 0, 0])
    expect(time.now()).toBe(6_000_000)
  })

  it('plans what a continuation plans from when its event was', async () => {
    const time = new VirtualTime()
    const seen: string[] = []
    time.after(10, () => {
      void afterAwaits(4, () => time.after(5, () => seen.push(`continued at ${time.now()}`)))
    })
    time.after(20, () => seen.push(`another at ${time.now()}`))
    await time.run()
    expect(seen).toEqual(['continued at 15', 'another at 20'])
  })

  it('lets what was begun before it runs go on first', async () => {
    const time = new VirtualTime()
    const seen: number[] = []
    void afterAwaits(10, () => seen.push(time.now()))
    time.after(1_000, () => {})
    await time.run()
    expect(seen).toEqual([0])
  })
})
