import { setTimeout as wait } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { createConsole, LogBook } from '../console/index.ts'
import { serveGateway } from '../gateway/index.ts'
import { openBrowser } from '../testing/browser.ts'
import { LONG_MS, traceMainThread } from './long-tasks.ts'
import { type Report, round } from './report.ts'
import { createSyntheticClient } from './synthetic-client.ts'

const PEERS = 200
const PER_SECOND = 50
const PAGES = ['survival', 'requests', 'peers', 'models'] as const
/** Processor time of a task of the page to compare with. */
const COUNTED_MS = 15
/** A page that only counts, as often as the console gets a message: its long tasks are the machine's. */
const COUNTING = `data:text/html,${encodeURIComponent(`<h1>counting</h1><script>
const count = (times) => { let sum = 0; for (let i = 0; i < times; i += 1) sum += i % 7; return sum }
const took = () => { const start = performance.now(); count(1e6); return performance.now() - start }
took()
const fastest = Math.min(...Array.from({ length: 40 }, took))
setInterval(() => count((${COUNTED_MS} / fastest) * 1e6), 200)
</script>`)}`

/** The console in Chromium with many peers and requests: tasks that keep a frame, and the memory of the page. */
export async function consoleLoad(quick: boolean): Promise<Report> {
  const requests = quick ? 1_000 : 4_000
  const { client, endRequest } = await createSyntheticClient(PEERS + 1)
  await using pages = createConsole({
    ...{ client, log: new LogBook(), diagnose: async () => [] },
    self: () => ({
      ...{ peerId: client.host.peerId.toString(), version: '', startedAtMs: 0, swarm: 'public' },
      ...{ reachability: 'lan', addresses: [], shares: [] },
    }),
    join: () => ({ addresses: [] }),
  })
  await using server = await serveGateway(client, { host: '127.0.0.1', port: 0, pages })
  const browser = await openBrowser()
  const row = async (name: string, url: string): Promise<Record<string, string | number>> => {
    const page = await browser.newPage({ viewport: { width: 1_200, height: 800 } })
    await page.goto(url)
    await page.waitForSelector('h1')
    // The first drawing of everything is not part of it.
    await wait(2_000)
    const first = await half(browser, page, requests / 2, endRequest)
    const second = await half(browser, page, requests / 2, endRequest)
    await page.close()
    return {
      page: name,
      requests,
      [`tasks over ${LONG_MS} ms of CPU`]: first.longByCpu + second.longByCpu,
      'by the clock': first.longByClock + second.longByClock,
      'most CPU of a task, ms': Math.round(Math.max(first.longestCpuMs, second.longestCpuMs)),
      'CPU a request, ms': round((first.cpuMs + second.cpuMs) / requests),
      'heap MiB': round(second.heapBytes / 1_048_576),
      'heap, second half / first': round(second.heapBytes / first.heapBytes),
    }
  }
  try {
    const rows = [await row(`(counts for ${COUNTED_MS} ms)`, COUNTING)]
    for (const name of PAGES) rows.push(await row(name, `${server.url}/#/${name}`))
    return {
      title: `the console with ${PEERS} peers and ${PER_SECOND} requests a second, in Chromium`,
      rows,
      notes: [
        'By the clock tasks are longer while other work has the processor: compare with the page that counts.',
        'The page keeps the last 1,000 requests; memory is measured after a collection.',
      ],
    }
  } finally {
    await browser.close()
    pages.close()
  }
}

async function half(browser: Browser, page: Page, requests: number, endRequest: () => void) {
  const main = await traceMainThread(browser, page, () => run(requests, endRequest))
  return { ...main, heapBytes: await heapBytes(page) }
}

async function run(requests: number, endRequest: () => void): Promise<void> {
  for (let ended = 0; ended < requests; ended += 1) {
    endRequest()
    await wait(1_000 / PER_SECOND)
  }
}

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { readonly usedSize: number }
  await session.detach()
  return usedSize
}
