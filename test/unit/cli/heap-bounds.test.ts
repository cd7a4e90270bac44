import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

/** In a process of its own, whose flags the bounds set. @returns the largest heap, in bytes, of one that serves 64 requests at a time */
function largestHeap(before: string): number {
  const script = `
    import { setImmediate as turn } from 'node:timers/promises'
    import { boundHeap } from '${new URL('../../../cli/heap-bounds.ts', import.meta.url)}'
    ${before}
    const running = Array(64)
    let most = 0
    for (let request = 0; request < 6_000; request += 1) {
      running[request % running.length] = Array.from({ length: 1_500 }, (_, at) => ({ at }))
      if (request % 8 > 0) continue
      await turn()
      most = Math.max(most, process.memoryUsage().heapTotal)
    }
    console.log(most)
  `
  const args = ['--input-type=module', '--eval', script]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

it('keep the heap of a busy process close to what it uses', () => {
  expect(largestHeap('boundHeap()') / largestHeap('')).toBeLessThan(0.75)
})
