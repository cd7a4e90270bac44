import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openBrowser } from '../testing/browser.ts'
import { startConsoleSwarm } from '../testing/console-swarm.ts'
import { serveSlowModel } from '../testing/slow-model.ts'

/**
 * Pictures of the console for the documentation: `npm run screenshots [DIRECTORY]`. Starts a swarm of processes, asks,
 * and kills the node that writes.
 */
const directory = process.argv[2] ?? fileURLToPath(new URL('../docs/console/', import.meta.url))
const MODEL = fileURLToPath(new URL('../models/skein-tiny-q8_0.gguf', import.meta.url))
const WIDE = { width: 1_200, height: 780 }
const PHONE = { width: 390, height: 780 }

await mkdir(directory, { recursive: true })
await using swarm = await startConsoleSwarm()
const browser = await openBrowser()
const page = await browser.newPage({ viewport: WIDE, reducedMotion: 'reduce' })
page.setDefaultTimeout(180_000)
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
  if (prompt.startsWith('What')) {
    await open('peers')
    await page.getByRole('row').filter({ hasText: 'skein-tiny' }).first().getByRole('link').click()
    await shoot('peers')
    await open('playground')
  }
}
await shoot('playground')
await open('requests')
await page.locator('tbody a').first().click()
await page.locator('.lane').first().waitFor()
await shoot('requests')

await using ready = await serveSlowModel(MODEL)
ready.release()
await open('models')
const download = async (url: string): Promise<void> => {
  await page.getByLabel('Download a model').fill(url)
  await page.keyboard.press('Enter')
}
await download(ready.url)
await page.getByRole('button', { name: /^Load / }).click()
await page.getByText('in memory', { exact: true }).waitFor()
await using slow = await serveSlowModel(MODEL)
await download(slow.url)
await page.locator('.pulls progress[value]').waitFor()
await shoot('models')
const form = new FormData()
form.set('purpose', 'batch')
const requests = Array.from({ length: 40 }, (_, index) => ({
  ...{ custom_id: String(index), method: 'POST', url: '/v1/chat/completions' },
  body: {
    model: index % 20 === 0 ? 'nothing' : 'skein-tiny',
    messages: [{ role: 'user', content: `Count from 1 to ${index + 20}.` }],
  },
}))
form.set('file', new Blob([requests.map((line) => JSON.stringify(line)).join('\n')]), 'r.jsonl')
const upload = await fetch(`${swarm.url}/v1/files`, { method: 'POST', body: form })
const { id } = (await upload.json()) as { id: string }
const batch = { input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' }
for (const _ of ['ended', 'running']) {
  await fetch(`${swarm.url}/v1/batches`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify(batch),
  })
  if (_ === 'running') break
  await open('batches')
  await page.getByText('completed', { exact: true }).waitFor()
}
await page
  .getByText(/^[1-9]\d* of 40/)
  .nth(1)
  .waitFor()
await shoot('batches')
await open('log')
await page.getByRole('button', { name: 'Run the doctor' }).click()
await page.locator('.findings').waitFor()
await shoot('log')
// From now on requests need a key.
await open('keys')
for (const name of ['ada', 'nightly-evals']) {
  await page.getByLabel('Name').fill(name)
  if (name !== 'ada') {
    await page.getByText('Limit what it may do').click()
    await page.getByLabel('Models').fill('skein-tiny')
    await page.getByLabel('Budget in tokens').fill('5000000')
  }
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.locator('.keys li').filter({ hasText: name }).waitFor()
  if (name === 'ada') await page.getByRole('button', { name: 'I have copied it' }).click()
}
await shoot('keys')
await page.emulateMedia({ colorScheme: 'dark' })
await open('survival')
await shoot('survival-dark')
await page.setViewportSize(PHONE)
await open('playground')
await shoot('playground-phone')
await open('requests')
await shoot('requests-phone')
await open('models')
await shoot('models-phone')
await browser.close()
