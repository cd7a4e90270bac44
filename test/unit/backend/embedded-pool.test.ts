import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toEvict } from '../../../backend/embedded-pool/memory.ts'
import {
  type BackendModel,
  createEmbeddedPool,
  type EmbeddedBackend,
  type EmbeddedInit,
  type EmbeddedPool,
  type EmbeddedPoolInit,
} from '../../../backend/index.ts'
import { InferenceError, parseRequest } from '../../../protocol/index.ts'

const MIB = 1_048_576
const LOADED: BackendModel = {
  ...{ id: '', aliases: [], family: 'llama', parameters: 1, quantization: 'Q8_0' },
  ...{ contextLength: 768, templateHash: '', capabilities: ['chat'], resume: 'tokens', fields: [] },
}
const TINY = new URL('../../../models/skein-tiny-q8_0.gguf', import.meta.url)

describe('toEvict', () => {
  const resident = (memoryBytes: number, usedAt: number, active = 0) => ({
    ...{ memoryBytes, usedAt, active },
  })
  const old = resident(4, 1)
  const recent = resident(4, 2)
  const running = resident(4, 0, 1)

  it('lets the least recently used idle ones leave, no more than it takes', () => {
    expect(toEvict([recent, old], 4, 12)).toEqual([])
    expect(toEvict([recent, old], 5, 12)).toEqual([old])
    expect(toEvict([recent, old], 9, 12)).toEqual([old, recent])
  })

  it('never takes one that runs', () => {
    expect(toEvict([running, old], 8, 12)).toEqual([old])
    expect(toEvict([running, old], 9, 12)).toBeUndefined()
  })
})

describe('createEmbeddedPool', () => {
  let modelsDir: string
  let pool: EmbeddedPool
  let started: string[]
  let stopped: string[]
  /** Requests answer when they are released. */
  let release: Map<string, () => void>

  const model = async (name: string): Promise<string> => {
    const path = join(modelsDir, 'hf/o/r/main', `${name}.gguf`)
    await mkdir(join(path, '..'), { recursive: true })
    await copyFile(TINY, path)
    await writeFile(`${path}.sha256`, 'a'.repeat(64))
    return path
  }

  /** An engine that uses 200 MiB, more than what is estimated of the file. */
  const fakeEngine = async ({ modelId = '' }: EmbeddedInit): Promise<EmbeddedBackend> => {
    started.push(modelId)
    if (modelId === 'broken') throw new InferenceError('engine_failed', 'it cannot be loaded')
    return {
      ...{ description: '', pid: 1, gpu: false, active: 0, evaluatedTokens: 0 },
      memoryBytes: 200 * MIB,
      models: async () => [{ ...LOADED, id: modelId }],
      load: async () => ({ state: 'ready', slots: 4, prefillRate: 1, decodeRate: 1 }),
      async *infer() {
        await new Promise<void>((resolve) => release.set(modelId, resolve))
        const usage = { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 }
        yield { type: 'done', usage, timings: { prefillMs: 1, decodeMs: 1 } }
      },
      async [Symbol.asyncDispose]() {
        stopped.push(modelId)
      },
    }
  }

  const open = async (init: Partial<EmbeddedPoolInit> = {}): Promise<EmbeddedPool> => {
    pool = await createEmbeddedPool({
      ...{ modelsDir, maxMemoryBytes: 300 * MIB, createBackend: fakeEngine },
      ...init,
    })
    return pool
  }
  const ask = async (id: string): Promise<void> => {
    const messages = [{ role: 'user' as const, content: 'Hello' }]
    for await (const _ of pool.infer(parseRequest('chat', { model: id, messages }))) {
      // Only its end matters.
    }
  }
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await pool.manager.list()).find((one) => one.id === id)?.state
  const until = async (id: string, state: string): Promise<void> => {
    while ((await stateOf(id)) !== state) await new Promise(setImmediate)
  }
  const begun = async (id: string): Promise<void> => {
    while (!release.has(id)) await new Promise(setImmediate)
  }

  beforeEach(async () => {
    modelsDir = await mkdtemp(join(tmpdir(), 'skein-pool-'))
    started = []
    stopped = []
    release = new Map()
  })

  afterEach(async () => {
    await pool?.[Symbol.asyncDispose]()
    await rm(modelsDir, { recursive: true, force: true })
  })

  it('loads as many models as fit, and the others at their first request', async () => {
    const paths = [await model('a'), await model('b')]
    await open({ models: paths.map((path) => ({ path })) })
    expect(started).toEqual(['a'])
    const answer = ask('b')
    await begun('b')
    expect(stopped).toEqual(['a'])
    release.get('b')?.()
    await answer
    expect([await stateOf('a'), await stateOf('b')]).toEqual(['on-disk', 'loaded'])
  })

  it('lets no model leave that answers: the other waits for its end', async () => {
    await open({ models: [{ path: await model('a') }, { path: await model('b') }] })
    const first = ask('a')
    await begun('a')
    const second = ask('b')
    await until('b', 'loading')
    expect(stopped).toEqual([])
    release.get('a')?.()
    await first
    await begun('b')
    expect(stopped).toEqual(['a'])
    release.get('b')?.()
    await second
  })

  it('fails with over_capacity when the memory does not become free in time', async () => {
    await open({
      models: [{ path: await model('a') }, { path: await model('b') }],
      memoryTimeoutMs: 1,
    })
    const first = ask('a')
    await begun('a')
    await expect(ask('b')).rejects.toMatchObject({ code: 'over_capacity' })
    release.get('a')?.()
    await first
  })

  it('tells what a cold start costs of a model that is not in memory', async () => {
    await open({ models: [{ path: await model('a') }], maxMemoryBytes: 900 * MIB })
    await pool.manager.unload('a')
    const [idle] = await pool.models()
    expect(idle?.coldStartMs).toBeGreaterThan(0)
    expect(idle?.capabilities).toContain('chat')
    expect(await pool.load()).toMatchObject({ state: 'ready' })
  })

  it('unloads no model that answers', async () => {
    await open({ models: [{ path: await model('a') }] })
    const answer = ask('a')
    await begun('a')
    await expect(pool.manager.unload('a')).rejects.toMatchObject({ code: 'over_capacity' })
    await expect(pool.manager.remove?.('a')).rejects.toMatchObject({ code: 'over_capacity' })
    release.get('a')?.()
    await answer
    await pool.manager.unload('a')
    expect(stopped).toEqual(['a'])
    await pool.manager.remove?.('a')
    expect(await pool.manager.list()).toEqual([])
    expect(await pool.models()).toEqual([])
  })

  it('loads a downloaded model by name, and tells quantizations apart', async () => {
    await model('m-q4_0')
    await model('m-q8_0')
    await open({ maxMemoryBytes: 900 * MIB })
    expect(await pool.models()).toEqual([])
    await pool.manager.load('m-q4_0')
    await pool.manager.load('m-q8_0')
    expect(started).toEqual(['m', 'm-q8_0'])
    await expect(pool.manager.load('other')).rejects.toMatchObject({ code: 'model_not_found' })
  })

  it('does not start an engine again and again that cannot be loaded', async () => {
    await model('broken')
    await open()
    await pool.manager.serve?.('broken')
    await expect(ask('broken')).rejects.toMatchObject({ code: 'engine_failed' })
    await expect(ask('broken')).rejects.toMatchObject({ code: 'engine_failed' })
    expect(started).toEqual(['broken'])
  })

  it('refuses a model that needs more than there is', async () => {
    await model('a')
    await open({ maxMemoryBytes: 50 * MIB })
    await expect(pool.manager.load('a')).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/needs \d+ MiB .* may use 50 MiB/),
    })
  })

  it('keeps what a load cost for the next start', async () => {
    const path = await model('a')
    await open({ models: [{ path }], cacheDir: modelsDir })
    await pool[Symbol.asyncDispose]()
    await open({ cacheDir: modelsDir })
    await pool.manager.serve?.('a')
    const [listed] = await pool.manager.list()
    expect(listed).toMatchObject({ memoryBytes: 200 * MIB, coldStartMs: expect.any(Number) })
  })
})
