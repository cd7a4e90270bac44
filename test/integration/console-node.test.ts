import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { axe } from '../../testing/axe.ts'
import { noBrowser, openPage } from '../../testing/browser.ts'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'

/** Of what the page waits for; generous, for a loaded machine. */
const DEADLINE_MS = 50_000
const START_MS = 200_000

const PAGES = ['survival', 'peers', 'models', 'join', 'log'] as const

// A browser beside all processes of a swarm: minutes where two slow cores have other work, too.
vi.setConfig({ testTimeout: 180_000 })

describe.skipIf(noBrowser !== undefined)(
  `the console of skein node${noBrowser === undefined ? '' : ` (${noBrowser})`}`,
  () => {
    let sandbox: Sandbox
    let url: string
    let browser: Browser | undefined
    let page: Page
    let faults: readonly string[]

    beforeAll(async () => {
      sandbox = await createSandbox()
      const served = ['--backend', 'embedded', '--console', '--console-port', '0']
      const node = sandbox.startHere(['node', '--json', ...served, ...LOOPBACK])
      url = (await node.event('ready')).console ?? ''
      ;({ browser, page, faults } = await openPage(DEADLINE_MS))
    }, START_MS)

    afterAll(async () => {
      await browser?.close()
      await sandbox.close()
    })

    it('has the pages that need no gateway, and no others', { timeout: START_MS }, async () => {
      await page.goto(`${url}/#/survival`)
      await page.getByText('skein-tiny').first().waitFor()
      const links = await page
        .getByRole('navigation')
        .getByRole('link')
        .evaluateAll((all) => all.map((link) => link.getAttribute('href')?.replace('#/', '')))
      expect(links).toEqual([...PAGES])
    })

    it.each(['light', 'dark'] as const)(
      'has no fault of accessibility, %s',
      {
        timeout: START_MS,
      },
      async (scheme) => {
        // A background on its way to another colour has neither's contrast.
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
        for (const name of PAGES) {
          await page.goto(`${url}/#/${name}`)
          await page.waitForSelector('h1')
          expect(await axe(page), name).toEqual([])
        }
      },
    )

    it('violates no policy, and has no error', () => {
      expect(faults).toEqual([])
    })

    it('creates no keys of a gateway, and is closed without its token', async () => {
      const html = await (await fetch(url, { headers: { accept: 'text/html' } })).text()
      const token = /skein-token" content="([^"]+)"/.exec(html)?.[1] ?? ''
      const act = async (headers: Readonly<Record<string, string>>): Promise<number> => {
        const body = JSON.stringify({ action: 'create-key', name: 'anna' })
        const json = { 'content-type': 'application/json', ...headers }
        const init = { method: 'POST', headers: json, body }
        return (await fetch(`${url}/console/actions`, init)).status
      }
      expect(await act({})).toBe(401)
      expect(await act({ 'x-skein-console': token })).toBe(400)
    })
  },
)
