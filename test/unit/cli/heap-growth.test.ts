import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

/** Objects that are in use for a while, as those of requests are: 100 MiB at a time. */
const CHILD = `
import v8 from 'node:v8'
import { limitHeapGrowth } from '${new URL('../../../cli/heap-growth.ts', import.meta.url)}'
limitHeapGrowth()
const kept = []
let most = 0
for (let round = 0; round < 1_600; round += 1) {
  kept[round % 160] = Array.from({ length: 20_000 }, (_, at) => ({ at }))
  const old = v8.getHeapSpaceStatistics().find((one) => one.space_name === 'old_space')
  most = Math.max(most, old.space_size / 1_048_576)
}
console.log(most)
`

it('the heap grows little beyond what is in use', () => {
  const args = ['--input-type=module', '--eval', CHILD]
  const mostMib = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
  // Without the limit 420 to 480, with it 230 to 240.
  expect(mostMib).toBeLessThan(320)
})
