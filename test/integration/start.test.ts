import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** Prints the files that a process has loaded to stderr. */
const COUNT = `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
  process.on('exit', () => console.error(JSON.stringify(loaded)))
`

it('answers --version before anything large is loaded', async () => {
  const hook = `data:text/javascript,${encodeURIComponent(COUNT)}`
  const args = ['--import', hook, main, '--version']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  const loaded = (JSON.parse(stderr) as string[]).filter((url) => url.startsWith('file:'))
  expect(loaded.length).toBeLessThan(30)
  expect(loaded.filter((url) => url.includes('node_modules'))).toEqual([])
})
