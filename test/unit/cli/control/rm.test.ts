import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ManagedModel, ModelManager } from '../../../../backend/index.ts'
import { unloadCommand } from '../../../../cli/commands/load.ts'
import { remove } from '../../../../cli/commands/rm.ts'
import { serveControl } from '../../../../cli/control/index.ts'
import { dataHome, modelCache } from '../../../../cli/directories.ts'
import { ModelDesk } from '../../../../cli/local-models/index.ts'
import type { Runtime, Session } from '../../../../cli/runtime.ts'

let home: string
let session: Session
let path: string
let done: string[]
let events: object[]
let open: AsyncDisposable[]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'skein-rm-'))
  const env = { HOME: home, XDG_CACHE_HOME: join(home, 'cache'), XDG_DATA_HOME: join(home, 'data') }
  done = []
  events = []
  open = []
  const terminal = {
    print: () => {},
    log: () => {},
    emit: (event: object) => void events.push(event),
    interactive: false,
  }
  const signal = new AbortController().signal
  session = { env, terminal, signal, commandName: 'skein' } as unknown as Session
  await mkdir(modelCache(env), { recursive: true })
  path = join(modelCache(env), 'm-Q8_0.gguf')
  await writeFile(path, 'GGUF')
  await writeFile(`${path}.sha256`, 'a'.repeat(64))
})

afterEach(async () => {
  for (const one of open) await one[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

/** A process that serves the file, but has it not in memory. */
async function serving(name: string, isServed: boolean): Promise<void> {
  const model: ManagedModel = {
    ...{ name: 'm-q8_0', id: 'm', bytes: 4, source: '', path, isServed },
    state: 'on-disk',
  }
  const manager: ModelManager = {
    engine: 'embedded',
    list: async () => [model],
    load: async () => {},
    unload: async () => {},
    serve: async () => {},
    withdraw: async (wanted) => void done.push(`withdraw ${wanted}`),
    remove: async (wanted) => void done.push(`remove ${wanted}`),
  }
  const node = { models: () => [], share: async () => {}, refresh: async () => {} }
  const dataDir = join(dataHome(session.env), name)
  await mkdir(dataDir, { recursive: true })
  const desk = new ModelDesk({ manager, node })
  open.push(await serveControl({ dataDir, desk, onFault: () => {} }))
}

it('lets the process that serves a model delete it', async () => {
  await serving('node', true)
  await remove(session, {} as never, ['m'])
  expect(done).toEqual([`remove ${path}`])
  expect(events).toMatchObject([{ event: 'removed', name: 'm-q8_0', path }])
})

it('deletes a file that a process has, but does not serve', async () => {
  await serving('node', false)
  await remove(session, {} as never, ['m'])
  expect(done).toEqual([])
  await expect(access(path)).rejects.toThrow('ENOENT')
})

it('refuses while several processes serve the model, with what to do', async () => {
  await serving('one', true)
  await serving('two', true)
  await expect(remove(session, {} as never, ['m'])).rejects.toMatchObject({
    code: 'over_capacity',
    message: expect.stringMatching(/unload m-q8_0 --withdraw --data-dir \S+one\n.*two$/),
  })
  expect(done).toEqual([])
  await access(path)
})

it('names the event of a model that is no longer shared', async () => {
  await serving('node', true)
  let acted: Promise<unknown> | undefined
  const runtime = {
    action: (action: (...given: unknown[]) => Promise<unknown>) => () => {
      acted = action(session, { withdraw: true }, ['m'])
    },
  } as unknown as Runtime
  unloadCommand(runtime).parse(['m'], { from: 'user' })
  await acted
  expect(done).toEqual(['withdraw m'])
  expect(events.at(-1)).toMatchObject({ event: 'unshared', model: 'm' })
})
