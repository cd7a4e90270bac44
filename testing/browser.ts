import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** A browser of this machine. */
const executablePath = PLACES.find((path) => existsSync(path))

/** Why no browser can be used; `undefined` if one can. */
export const noBrowser: string | undefined =
  executablePath === undefined ? 'no Chromium is installed' : undefined

export async function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(noBrowser)
  // Root, as in containers, has no sandbox for it.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await chromium.launch({ executablePath, args })
}

/** A page, and what it must not have. */
export interface OpenPage {
  readonly browser: Browser
  readonly page: Page
  readonly faults: readonly string[]
}

/** An empty page, as wide as on a desk, in a browser of its own. @param timeoutMs for each step of a test */
export async function openPage(timeoutMs: number): Promise<OpenPage> {
  const browser = await openBrowser()
  const page = await browser.newPage({ viewport: { width: 1_200, height: 800 } })
  page.setDefaultTimeout(timeoutMs)
  return { browser, page, faults: faultsOf(page) }
}

/** Collects what a page must not have: errors, refused requests, violations of its policy. */
function faultsOf(page: Page): readonly string[] {
  const faults: string[] = []
  page.on('pageerror', ({ message }) => faults.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  return faults
}
