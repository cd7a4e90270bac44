import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openBrowser } from '../testing/browser.ts'
import { startConsoleSwarm } from '../testing/console-swarm.ts'

/**
 * Pictures of the console for the documentation: `npm run screenshots [DIRECTORY]`. Starts a swarm of processes, asks,
 * and kills the node that writes.
 */
const directory = process.argv[2] ?? fileURLToPath(new URL('../docs/console/', import.meta.url))
const WIDE = { width: 1_200, height: 780 }
const PHONE = { width: 390, height: 780 }

await mkdir(directory, { recursive: true })
await using swarm = await startConsoleSwarm()
const browser = await openBrowser()
const page = await browser.newPage({ viewport: WIDE, reducedMotion: 'reduce' })
page.setDefaultTimeout(60_000)
const open = async (name: string): Promise<void> => {
  await page.goto(`${swarm.url}/#/${name}`)
  await page.waitForSelector('h1')
}
const shoot = async (name: string): Promise<void> => {
  await page.screenshot({ path: `${directory}/${name}.png` })
  console.log(`${directory}/${name}.png`)
}

await open('join')
const command = (await page.locator('.copy-line code').first().textContent()) ?? ''
await shoot('join')
await swarm.startNodes(command.split(' up ')[1]?.split(' ') ?? [], 3)
await open('survival')
await page.getByText('2 of 3 may stop').waitFor()
await shoot('survival')
await open('peers')
await shoot('peers')

await open('playground')
for (const prompt of ['What is the capital of France?', 'Count from 1 to 100.']) {
  await page.getByLabel('Message').fill(prompt)
  await page.keyboard.press('Enter')
  if (prompt.startsWith('Count')) {
    for (const writers of [1, 2]) {
      await page.waitForFunction(
        (count) =>
          (document.querySelector('li:last-child .answer p')?.textContent?.length ?? 0) > count,
        writers * 90,
      )
      const writing = page.locator('li:last-child .writers code').last()
      await swarm.kill((await writing.textContent())?.slice(1) ?? '')
      await page.waitForFunction(
        (count) => document.querySelectorAll('li:last-child .writers code').length > count,
        writers,
      )
    }
  }
  await page.getByRole('button', { name: 'Send' }).waitFor()
}
await shoot('playground')
await open('requests')
await page.locator('tbody a').first().click()
await page.locator('.lane').first().waitFor()
await shoot('requests')
await page.emulateMedia({ colorScheme: 'dark' })
await shoot('requests-dark')
await page.setViewportSize(PHONE)
await open('playground')
await shoot('playground-phone')
await browser.close()
