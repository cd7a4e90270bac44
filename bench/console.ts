import { setTimeout as wait } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { createConsole, LogBook } from '../console/index.ts'
import { serveGateway } from '../gateway/index.ts'
import { openBrowser } from '../testing/browser.ts'
import { type Report, round } from './report.ts'
import { createSyntheticClient } from './synthetic-client.ts'

const PEERS = 200
const PER_SECOND = 50
/** A task of the page above this keeps a frame. */
const LONG_MS = 50
const PAGES = ['survival', 'requests', 'peers', 'models'] as const

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
  try {
    const rows: Record<string, string | number>[] = []
    for (const name of PAGES) {
      const page = await browser.newPage({ viewport: { width: 1_200, height: 800 } })
      await page.goto(`${server.url}/#/${name}`)
      await page.waitForSelector('h1')
      // The first drawing of everything is not part of it.
      await wait(2_000)
      await watchTasks(page)
      await run(requests / 2, endRequest)
      const half = await heapBytes(page)
      await run(requests / 2, endRequest)
      const whole = await heapBytes(page)
      const tasks = await page.evaluate(() => (globalThis as unknown as Watched).longTasks)
      rows.push({
        page: name,
        requests,
        [`tasks over ${LONG_MS} ms`]: tasks.length,
        'longest ms': Math.round(Math.max(0, ...tasks)),
        'heap MiB': round(whole / 1_048_576),
        'heap, second half / first': round(whole / half),
      })
      await page.close()
    }
    return {
      title: `the console with ${PEERS} peers and ${PER_SECOND} requests a second, in Chromium`,
      rows,
      notes: ['The page keeps the last 1,000 requests; memory is measured after a collection.'],
    }
  } finally {
    await browser.close()
    pages.close()
  }
}

interface Watched {
  longTasks: number[]
}

async function watchTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const tasks: number[] = []
    ;(globalThis as unknown as Watched).longTasks = tasks
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) tasks.push(duration)
    }).observe({ type: 'longtask' })
  })
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
