import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

/** What a process of its own prints, whose flags the bounds set. */
function printed(body: string): { readonly stdout: string; readonly stderr: string } {
  const module = new URL('../../../cli/heap-bounds.ts', import.meta.url)
  const script = `import { boundHeap } from '${module}'\n${body}`
  const args = ['--input-type=module', '--eval', script]
  return spawnSync(process.execPath, args, { encoding: 'utf8' })
}

/** @returns the largest heap, in bytes, of a process that serves 64 requests at a time */
function largestHeap(before: string): number {
  const { stdout } = printed(`
    import { setImmediate as turn } from 'node:timers/promises'
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
  `)
  return Number(stdout)
}

it('keep the heap of a busy process close to what it uses', () => {
  expect(largestHeap('boundHeap()') / largestHeap('')).toBeLessThan(0.75)
})

it('set flags that this V8 knows', () => {
  expect(printed('boundHeap()[Symbol.dispose]()').stderr).toBe('')
})
