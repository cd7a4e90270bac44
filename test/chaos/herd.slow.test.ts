import { expect, it } from 'vitest'
import { herd } from '../../testing/chaos/scenarios/herd.ts'

it('comes back when four of five nodes are killed and restart at once, and reads no prompt again and again', async () => {
  const found = await herd({
    nodes: 5,
    conversations: 12,
    calmMs: 4_000,
    deadMs: 2_000,
    afterMs: 10_000,
  })
  expect(found).toMatchObject({ killed: 4, wrong: 0, lost: 0, doubled: 0 })
  // On a busy machine some requests miss their deadline at any time.
  expect(found.before).toBeGreaterThan(0.5)
  expect(found.after).toBeGreaterThan(0.9 * found.before)
  // Once to a survivor, once back, and as much again for those that were under way or tried elsewhere.
  expect(found.prefilled).toBeLessThan(5 * found.onceAnew)
  expect(found.prefilled).toBeLessThan(found.withoutCache / 2)
})
