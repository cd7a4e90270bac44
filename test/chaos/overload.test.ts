import { expect, it } from 'vitest'
import { type OverloadSize, overload } from './scenarios/overload.ts'

const SIZE: OverloadSize = {
  nodes: 2,
  clients: 3,
  calmMs: 3_000,
  overloadMs: 6_000,
  afterMs: 4_000,
}

/** Ratios within one run; the goals proper, 0.9 and 0.95, are held by the long run, which a shared machine blurs less. */
it('keeps its goodput at three times the capacity and recovers; without budgets and admission it does clearly worse', async () => {
  const protectedRun = await overload(SIZE)
  expect(protectedRun).toMatchObject({ wrong: 0, lost: 0, doubled: 0 })
  expect(protectedRun.during / protectedRun.peak).toBeGreaterThan(0.8)
  expect(protectedRun.recovered).toBeGreaterThan(0.9)
  const control = await overload({ ...SIZE, protection: 'off' })
  expect(control).toMatchObject({ wrong: 0, lost: 0, doubled: 0 })
  expect(control.during / control.peak).toBeLessThan(
    0.75 * (protectedRun.during / protectedRun.peak),
  )
})
