import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSyntheticClient } from '../../bench/synthetic-client.ts'
import { type LiveKeys, watchKeys } from '../../cli/gateway-keys.ts'
import { keyDesk, keyViews } from '../../cli/key-desk.ts'
import { createConsole, LogBook } from '../../console/index.ts'
import { type GatewayServer, serveGateway } from '../../gateway/index.ts'
import { axe } from '../../testing/axe.ts'
import { noBrowser, openPage } from '../../testing/browser.ts'

/** Of what the page waits for; generous, for a loaded machine. */
const DEADLINE_MS = 50_000
const START_MS = 200_000

// A browser beside all processes of a swarm: minutes where two slow cores have other work, too.
vi.setConfig({ testTimeout: 180_000 })

describe.skipIf(noBrowser !== undefined)(
  `the keys in the console${noBrowser === undefined ? '' : ` (${noBrowser})`}`,
  () => {
    let directory: string
    let keys: LiveKeys
    let pages: ReturnType<typeof createConsole>
    let server: GatewayServer
    let browser: Browser
    let page: Page
    let faults: readonly string[]
    let secret = ''

    const call = async (key: string): Promise<number> => {
      const headers = { authorization: `Bearer ${key}` }
      return (await fetch(`${server.url}/v1/models`, { headers })).status
    }
    const create = async (name: string): Promise<string> => {
      await page.getByLabel('Name').fill(name)
      await page.getByRole('button', { name: 'Create a key' }).click()
      const line = page.locator('.fresh-key code')
      await line.waitFor()
      return (await line.textContent()) ?? ''
    }

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'console-keys-'))
      keys = await watchKeys(join(directory, 'gateway-keys.json'), () => {})
      const { client } = await createSyntheticClient(3)
      pages = createConsole({
        ...{ client, log: new LogBook(), diagnose: async () => [] },
        self: () => ({
          ...{ peerId: client.host.peerId.toString(), version: '', startedAtMs: 0 },
          ...{ swarm: 'public', reachability: 'lan', addresses: [], shares: [] },
        }),
        join: () => ({
          addresses: [],
          api: { url: `${server.url}/v1`, isLocal: true, keys: keys.current().length },
        }),
        keys: () => keyViews(keys),
        onKeys: (listener) => keys.onChange(listener),
        keyActions: keyDesk(keys),
      })
      server = await serveGateway(client, {
        ...{ host: '127.0.0.1', port: 0, pages, apiKeys: () => keys.current() },
      })
      ;({ browser, page, faults } = await openPage(DEADLINE_MS))
      await page.goto(`${server.url}/#/keys`)
    }, START_MS)

    afterAll(async () => {
      await browser?.close()
      pages?.close()
      await server?.close()
      keys?.[Symbol.dispose]()
      await rm(directory, { recursive: true, force: true })
    })

    it('creates the first key, keeps the page open with it, and never shows it again', {
      timeout: START_MS,
    }, async () => {
      await page.getByText('No key is required yet').waitFor()
      expect(await axe(page)).toEqual([])
      expect(await call('')).toBe(200)
      secret = await create('ada')
      expect(secret).toMatch(/^sk-skein-/)
      expect([await call(secret), await call('')]).toEqual([200, 401])
      expect(await readFile(keys.path, 'utf8')).not.toContain(secret)
      // The page has connected again, with the key.
      await page.locator('.keys li').filter({ hasText: 'opens the console' }).waitFor()
      expect(await axe(page)).toEqual([])
      await page.getByRole('button', { name: 'I have copied it' }).click()
      await page.reload()
      await page.locator('.keys li').filter({ hasText: 'ada' }).waitFor()
      expect(await page.content()).not.toContain(secret)
    })

    it('creates one with limits, changes them, and removes it after a second press', {
      timeout: START_MS,
    }, async () => {
      await page.getByText('Limit what it may do').click()
      await page.getByLabel('Models').fill('model-1, model-2')
      await page.getByLabel('Requests a minute').fill('30')
      await page.getByLabel('Budget in tokens').fill('5000000')
      await page.getByLabel('Days until it ends').fill('7')
      expect(await axe(page)).toEqual([])
      const script = await create('script')
      expect(keys.current()[1]).toMatchObject({
        ...{ name: 'script', models: ['model-1', 'model-2'], requestsPerMinute: 30 },
        budget: { tokens: 5_000_000, per: 'month' },
      })
      const row = page.locator('.keys li').filter({ hasText: 'script' })
      expect(await row.locator('p').textContent()).toMatch(
        /^Only model-1, model-2 · 30 requests a minute · budget of 5,000,000 tokens each month · until /,
      )
      await page.getByRole('button', { name: 'Change the key of script' }).click()
      await row.getByLabel('Requests a minute').fill('')
      await row.getByLabel('Priority').selectOption('low')
      await row.getByRole('button', { name: 'Save' }).click()
      await row.getByText('low priority').waitFor()
      const { requestsPerMinute, budget, expiresAtMs = 0 } = keys.current()[1] ?? {}
      expect(requestsPerMinute).toBeUndefined()
      expect([budget?.tokens, expiresAtMs > 0]).toEqual([5_000_000, true])
      expect(await call(script)).toBe(200)
      await page.getByRole('button', { name: 'Remove the key of script …' }).click()
      await row.getByRole('button', { name: 'Remove', exact: true }).click()
      await row.waitFor({ state: 'detached' })
      expect(await call(script)).toBe(401)
    })

    it('does not shut out its own user', { timeout: START_MS }, async () => {
      await page.getByRole('button', { name: 'Remove the key of ada …' }).click()
      await page.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText('one key without restrictions must remain').waitFor()
      expect(keys.current().map(({ name }) => name)).toEqual(['ada'])
      // A refused action is in the browser's console, too; nothing else is.
      expect(faults.filter((fault) => !fault.includes('400'))).toEqual([])
    })
  },
)
