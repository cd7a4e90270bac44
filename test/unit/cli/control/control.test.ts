import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ManagedModel, ModelManager } from '../../../../backend/index.ts'
import {
  askDoor,
  type Door,
  findDoors,
  type Reply,
  serveControl,
} from '../../../../cli/control/index.ts'
import { ModelDesk } from '../../../../cli/local-models/index.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const MODEL: ManagedModel = {
  ...{ name: 'm-q8_0', id: 'm', bytes: 4, source: 'hf:o/r/m-Q8_0.gguf', path: '/m.gguf' },
  ...{ state: 'on-disk', isServed: false },
}

let dataDir: string
let control: AsyncDisposable
let door: Door
let done: string[]
let shared: (readonly string[] | undefined)[]

const manager: ModelManager = {
  engine: 'embedded',
  list: async () => [MODEL],
  pull: async (source, options = {}) => {
    options.onProgress?.({ status: 'downloading', receivedBytes: 1, totalBytes: 2 })
    done.push(`pull ${source}`)
    return 'm-q8_0'
  },
  load: async (name, options = {}) => {
    options.onProgress?.(0.5)
    done.push(`load ${name}`)
  },
  unload: async (name) => {
    throw new InferenceError('over_capacity', `${name} is answering`)
  },
  serve: async (name) => void done.push(`serve ${name}`),
  withdraw: async (name) => void done.push(`withdraw ${name}`),
}

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'skein-control-'))
  done = []
  shared = []
  const node = {
    models: () => [],
    share: async (models: readonly string[] | undefined) => void shared.push(models),
    refresh: async () => void shared.push(undefined),
  }
  control = await serveControl({
    dataDir,
    desk: new ModelDesk({ manager, node, clock: VirtualClock.flowing() }),
    onFault: () => {},
  })
  const [found] = await findDoors({}, dataDir)
  if (found === undefined) throw new Error('no door')
  door = found
})

afterEach(async () => {
  await control[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
})

async function replies(...order: Parameters<typeof askDoor>): Promise<Reply[]> {
  return await Array.fromAsync(askDoor(...order))
}

describe('the control door', () => {
  it('loads and shares a model for a command, with progress', async () => {
    expect(await replies(door, { order: 'load', model: 'm' })).toEqual([
      { reply: 'progress', status: 'loading', done: 0.5, total: 1 },
      { reply: 'done', name: 'm' },
    ])
    expect(done).toEqual(['load m', 'serve m'])
    expect(shared.length).toBeGreaterThan(0)
  })

  it('lists, downloads, and ends sharing', async () => {
    const [listed] = await replies(door, { order: 'list' })
    expect(listed).toMatchObject({ engine: 'embedded', model: { name: 'm-q8_0', isShared: false } })
    const pulled = await replies(door, { order: 'pull', model: 'hf:o/r/m.gguf' })
    expect(pulled.at(-1)).toEqual({ reply: 'done', name: 'm-q8_0' })
    await replies(door, { order: 'unshare', model: 'm' })
    expect(done).toEqual(['pull hf:o/r/m.gguf', 'withdraw m'])
  })

  it('passes a refusal on with its code', async () => {
    await expect(replies(door, { order: 'unload', model: 'm' })).rejects.toMatchObject({
      code: 'over_capacity',
      message: 'm is answering',
    })
    await expect(replies(door, { order: 'rm', model: 'm' })).rejects.toMatchObject({
      code: 'capability_unavailable',
    })
  })

  it.each([
    ['without the token', {}, 401],
    ['with another token', { authorization: 'Bearer x' }, 401],
    ['from a web page that has it', { origin: 'https://evil.example' }, 403],
  ])('refuses an order %s', async (_, headers, status) => {
    const own = 'origin' in headers ? { authorization: `Bearer ${door.token}` } : {}
    const response = await fetch(`${door.url}/orders`, {
      ...{ method: 'POST', headers: { ...own, ...headers } },
      body: JSON.stringify({ order: 'load', model: 'm' }),
    })
    expect(response.status).toBe(status)
    expect(done).toEqual([])
  })

  it('refuses what is no order', async () => {
    const response = await fetch(`${door.url}/orders`, {
      ...{ method: 'POST', headers: { authorization: `Bearer ${door.token}` } },
      body: 'x'.repeat(100_000),
    })
    expect(response.status).toBe(400)
  })

  it.skipIf(process.platform === 'win32')('shows its token to its owner only', async () => {
    expect((await stat(join(dataDir, `control-${process.pid}.json`))).mode & 0o077).toBe(0)
  })

  it('is not found once its process has ended', async () => {
    await control[Symbol.asyncDispose]()
    expect(await findDoors({}, dataDir)).toEqual([])
    await writeFile(
      join(dataDir, `control-${2 ** 30}.json`),
      JSON.stringify({ pid: 2 ** 30, url: door.url, token: door.token }),
    )
    expect(await findDoors({}, dataDir)).toEqual([])
  })
})
