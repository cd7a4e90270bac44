import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { axe } from '../../testing/axe.ts'
import { noBrowser, openPage } from '../../testing/browser.ts'
import { type ConsoleSwarm, startConsoleSwarm } from '../../testing/console-swarm.ts'
import { serveSlowModel } from '../../testing/slow-model.ts'

/** Of what the page waits for; generous, for a loaded machine. */
const DEADLINE_MS = 50_000
/** Four processes start, one after the other. */
const START_MS = 400_000
/** An answer over three processes. */
const ANSWER_MS = 180_000
const PAGES = [
  'survival',
  'requests',
  'playground',
  'peers',
  'models',
  'batches',
  'keys',
  'join',
  'log',
] as const
const MODEL = fileURLToPath(new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url))
const COUNT = Array.from({ length: 100 }, (_, index) => index + 1).join(', ')

// A browser beside all processes of a swarm: minutes where two slow cores have other work, too.
vi.setConfig({ testTimeout: 180_000 })

describe.skipIf(noBrowser !== undefined)(
  `the console in a browser${noBrowser === undefined ? '' : ` (${noBrowser})`}`,
  () => {
    let swarm: ConsoleSwarm
    let browser: Browser
    let page: Page
    let faults: readonly string[]

    const open = async (name: (typeof PAGES)[number]): Promise<void> => {
      await page.goto(`${swarm.url}/#/${name}`)
      await page.waitForSelector('h1')
    }
    /** Who writes now, by the colours of the answer: the ends of the peers' ids. */
    const writers = async (): Promise<string[]> =>
      await page.locator('.writers code').allTextContents()
    const untilWritten = async (text: string): Promise<void> => {
      await page.waitForFunction(
        (wanted) => document.querySelector('.answer')?.textContent?.includes(wanted),
        text,
      )
    }

    beforeAll(async () => {
      ;[swarm, { browser, page, faults }] = await Promise.all([
        startConsoleSwarm(),
        openPage(DEADLINE_MS),
      ])
    }, START_MS)

    afterAll(async () => {
      await browser?.close()
      await swarm?.[Symbol.asyncDispose]()
    })

    it(
      'says how another machine joins, and shows those that did',
      async () => {
        await open('survival')
        await page.getByText('No model can be asked yet').waitFor()
        await open('join')
        const command = (await page.locator('.copy-line code').first().textContent()) ?? ''
        expect(await page.locator('svg.code path').count()).toBe(1)
        await swarm.startNodes(command.split(' up ')[1]?.split(' ') ?? [], 3)
        await open('survival')
        await page.getByText('2 of 3 may stop').waitFor()
        expect(await page.locator('.network .node').count()).toBe(4)
      },
      START_MS,
    )

    it(
      'shows an answer whose peer is killed twice: whole, in three colours',
      async () => {
        await open('playground')
        await page.getByLabel('Message').fill('Count from 1 to 100.')
        await page.keyboard.press('Enter')
        await untilWritten(' 15,')
        await swarm.kill((await writers()).at(-1)?.slice(1) ?? '')
        await page.waitForFunction(() => document.querySelectorAll('.writers code').length === 2)
        await swarm.kill((await writers()).at(-1)?.slice(1) ?? '')
        await page.getByRole('button', { name: 'Send' }).waitFor()
        const pieces = await page.locator('.piece').allTextContents()
        expect(pieces.join('')).toBe(`${COUNT}.`)
        const colours = await page
          .locator('.piece')
          .evaluateAll((all) => all.map((piece) => getComputedStyle(piece).backgroundColor))
        expect(new Set(colours).size).toBe(3)
        const attempts = await page
          .locator('.piece')
          .evaluateAll((all) => all.map((piece) => piece.getAttribute('title') ?? ''))
        const ends = await writers()
        for (const [index, attempt] of attempts.entries()) {
          expect(attempt).toContain(ends[index])
          expect(attempt).toMatch(/: \d+ tokens, from .+ to .+ after the question$/)
        }
        // Back from the message, which has the focus, to the last piece.
        await page.getByLabel('Message').focus()
        await page.keyboard.press('Shift+Tab')
        const focused = await page.evaluate(() => {
          const { activeElement } = document
          if (activeElement === null) return undefined
          const { content } = getComputedStyle(activeElement, '::after')
          return { text: activeElement.textContent, shown: content }
        })
        expect(focused?.text).toBe(pieces.at(-1))
        expect(focused?.shown).toContain(attempts.at(-1))
        expect(await axe(page)).toEqual([])
        await page.getByText('The same request as code').click()
        await page.getByRole('button', { name: 'Python' }).click()
        expect(await page.locator('.request-code pre').textContent()).toContain(`${swarm.url}/v1`)
      },
      ANSWER_MS,
    )

    it('keeps its timeline: who was tried, and two seams', async () => {
      await open('requests')
      await page.locator('tbody a').first().click()
      await page.locator('.lane').nth(2).waitFor()
      expect(await page.locator('.lane .writing').count()).toBe(3)
      expect(await page.locator('.seam').count()).toBe(2)
      await page.getByText(/Resumed \d times, from the very token/).waitFor()
      expect(await page.locator('.detail').textContent()).not.toContain('Count from')
    })

    it('shows the loss: one peer is left, without a spare', async () => {
      await open('survival')
      await page.getByText('No spare', { exact: true }).waitFor()
    })

    it('denies that peer after a second press, shows what is left, and allows it again', async () => {
      await open('peers')
      await page.getByRole('row', { name: 'skein-tiny' }).getByRole('link').click()
      await page.getByRole('button', { name: 'Deny' }).press('Enter')
      await page.getByRole('group', { name: /^Deny this peer/ }).waitFor()
      expect(await axe(page)).toEqual([])
      await page.keyboard.press('Enter')
      await page.getByText('Denied, from the next request on.').waitFor()
      await open('survival')
      await page.getByText('No model can be asked yet').waitFor()
      await page.goBack()
      await page.getByRole('button', { name: 'Allow again' }).press('Enter')
      await page.getByText('Taken back.').waitFor()
      await open('survival')
      await page.getByText('No spare', { exact: true }).waitFor()
    })

    it('is used by keyboard alone', async () => {
      await open('survival')
      await page.keyboard.press('Tab')
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(
        'Skip to the content',
      )
      for (let steps = 0; steps < 4; steps += 1) await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1, name: 'Playground' }).waitFor()
      expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN')
    })

    it(
      'downloads, loads, shares and deletes a model, by keyboard alone',
      async () => {
        await using server = await serveSlowModel(MODEL)
        await open('models')
        await page.getByText('No model yet').waitFor()
        await page.getByLabel('Download a model').focus()
        await page.keyboard.type(server.url)
        await page.keyboard.press('Enter')
        const progress = page.getByRole('progressbar', { name: `Download of ${server.url}` })
        await page.waitForFunction(
          () => (document.querySelector('.pulls progress') as HTMLProgressElement)?.value > 0,
        )
        expect(await progress.getAttribute('max')).toBe(String(readFileSync(MODEL).length))
        expect(await axe(page)).toEqual([])
        server.release()
        const press = async (name: string): Promise<void> => {
          // Buttons take no order while another one of their model is carried out.
          await page.getByRole('button', { name, exact: true, disabled: false }).press('Enter')
        }
        await press('Load skein-tiny-q8_0')
        await page.getByText('in memory', { exact: true }).waitFor()
        await page.getByText('shared', { exact: true }).waitFor()
        // What requests name comes first; the file is a detail.
        expect(await page.locator('.models strong').textContent()).toBe('skein-tiny')
        await page.getByText('skein-tiny-q8_0', { exact: true }).waitFor()
        await page.setViewportSize({ width: 360, height: 720 })
        for (const button of await page.locator('.models button').all()) {
          const box = await button.boundingBox()
          expect((box?.x ?? 0) + (box?.width ?? 361)).toBeLessThanOrEqual(360)
        }
        await page.setViewportSize({ width: 1_200, height: 800 })
        expect(await progress.count()).toBe(0)
        await press('Unload skein-tiny-q8_0')
        await page.getByText(/^ready after/).waitFor()
        await press('Stop sharing skein-tiny-q8_0')
        await page.getByText('shared', { exact: true }).waitFor({ state: 'detached' })
        await press('Delete skein-tiny-q8_0 …')
        await press('Delete from disk skein-tiny-q8_0')
        await page.getByText('No model yet').waitFor()
      },
      ANSWER_MS,
    )

    it('says why a download fails', async () => {
      await open('models')
      await page.getByLabel('Download a model').fill('http://models.example/m.gguf')
      await page.keyboard.press('Enter')
      await page.getByText(/models are downloaded over https only/).waitFor()
      await page.getByRole('button', { name: 'Dismiss' }).click()
      await page.locator('.pulls').waitFor({ state: 'detached' })
    })

    it('shows a batch, and saves its results', async () => {
      const form = new FormData()
      form.set('purpose', 'batch')
      const messages = [{ role: 'user', content: 'Count from 1 to 3.' }]
      const body = { model: 'skein-tiny', messages, max_tokens: 8 }
      const line = { custom_id: '1', method: 'POST', url: '/v1/chat/completions', body }
      form.set('file', new Blob([JSON.stringify(line)]), 'requests.jsonl')
      const upload = await fetch(`${swarm.url}/v1/files`, { method: 'POST', body: form })
      const { id } = (await upload.json()) as { id: string }
      await open('batches')
      await page.getByText('No batch yet').waitFor()
      await fetch(`${swarm.url}/v1/batches`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          ...{ input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' },
        }),
      })
      await page.getByText('1 of 1 answered').waitFor()
      const saved = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Results' }).click()
      expect(readFileSync(await (await saved).path(), 'utf8')).toContain('"custom_id":"1"')
    })

    it.each(['light', 'dark'] as const)('has no fault of accessibility, %s', async (scheme) => {
      // A background on its way to another colour has neither's contrast.
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
      for (const name of PAGES) {
        await open(name)
        expect(await axe(page), name).toEqual([])
      }
    })

    it('fits a phone', async () => {
      await page.setViewportSize({ width: 360, height: 720 })
      for (const name of PAGES) {
        await open(name)
        const tooWide = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement
          return scrollWidth - clientWidth
        })
        expect(tooWide, name).toBe(0)
      }
    })

    it('violates no policy, and has no error', () => {
      expect(faults).toEqual([])
    })

    it('is closed to other origins and without the token', async () => {
      const events = `${swarm.url}/console/events`
      expect((await fetch(events)).status).toBe(401)
      expect(
        (
          await fetch(swarm.url, {
            headers: { origin: 'https://evil.example', accept: 'text/html' },
          })
        ).status,
      ).toBe(401)
      const html = await (await fetch(swarm.url, { headers: { accept: 'text/html' } })).text()
      const token = /skein-token" content="([^"]+)"/.exec(html)?.[1] ?? ''
      const headers = { 'x-skein-console': token, 'content-type': 'application/json' }
      const act = (more: object) =>
        fetch(`${swarm.url}/console/actions`, {
          method: 'POST',
          headers: { ...headers, ...more },
          body: JSON.stringify({ action: 'forget', peer: 'x' }),
        })
      expect((await act({})).status).toBe(200)
      expect((await act({ origin: 'https://evil.example' })).status).toBe(401)
      expect((await act({ 'sec-fetch-site': 'cross-site' })).status).toBe(401)
      expect((await act({ 'x-skein-console': 'guessed' })).status).toBe(401)
    })
  },
)
