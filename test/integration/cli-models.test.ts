import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createSandbox, LOOPBACK, type Sandbox } from '../../testing/cli/index.ts'
import { commandBlocks } from '../../testing/marked-blocks.ts'

// An engine on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const MODEL_FILE = new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url)
const PAGE = new URL('../../docs/operations.md', import.meta.url)
const COMMAND = /^skein (pull|models --local|load|unload|rm)\b/

let sandbox: Sandbox
let hub: Server
const asked: (string | undefined)[] = []

beforeAll(async () => {
  sandbox = await createSandbox()
  const file = await readFile(MODEL_FILE)
  hub = createServer(({ url }, response) => {
    asked.push(url)
    response.writeHead(200, { 'content-length': file.length, etag: '"1"' }).end(file)
  })
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await sandbox.close()
  hub.close()
})

it('the models of a machine are managed by the commands of docs/operations.md', async () => {
  const env = { HF_ENDPOINT: `http://127.0.0.1:${(hub.address() as AddressInfo).port}` }
  const lines = commandBlocks(await readFile(PAGE, 'utf8')).flatMap(({ commands }) => commands)
  const commands = new Map(
    lines.flatMap((line) => {
      const [command = ''] = line.split(/ +# /)
      const [, name] = COMMAND.exec(command) ?? []
      return name === undefined ? [] : [[name, command] as const]
    }),
  )
  const skein = async (name: string): Promise<string> => {
    const args = (commands.get(name) ?? name).replace('NAME', 'file').split(' ').slice(1)
    const { exitCode, stdout, stderr } = await sandbox.runHere(args, { env })
    expect(exitCode, `${args.join(' ')}: ${stderr}`).toBe(0)
    return stdout
  }
  await skein('pull')
  expect(asked).toContain('/org/repo/resolve/main/file.gguf')
  expect(await skein('models --local')).toMatch(/^file\b/m)
  const node = sandbox.startHere(['node', '--json', '--model', 'file', ...LOOPBACK], env)
  const { models } = await node.event('ready')
  const listed = async (): Promise<string> => await skein('models --local')
  await skein('load')
  expect(await listed()).toMatch(/^file\b.* loaded /m)
  await skein('unload')
  expect(await listed()).not.toMatch(/^file\b.* loaded /m)
  node.interrupt('SIGTERM')
  await node.finished
  await skein('rm')
  expect(await listed()).not.toMatch(/^file\b/m)
  expect(models).toHaveLength(1)
})
