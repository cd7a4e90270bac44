import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { estimatedBytes, toEvict } from '../../../backend/embedded-pool/memory.ts'
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

describe('estimatedBytes', () => {
  // SmolLM2-135M in Q4_1.
  const facts = {
    ...{ context_length: 8_192, block_count: 30, embedding_length: 576 },
    ...{ 'attention.head_count': 9, 'attention.head_count_kv': 3 },
  }
  const header = {
    fileBytes: 93.8 * MIB,
    tensors: [
      { name: 'token_embd.weight', type: 8, shape: [576, 49_152], offset: 0, bytes: undefined },
    ],
    metadata: new Map<
      string,
      { type: number; offset: number; bytes: number; value: number | string }
    >([
      ['general.architecture', { type: 8, offset: 0, bytes: 5, value: 'llama' }],
      ...Object.entries(facts).map(
        ([key, value]) => [`llama.${key}`, { type: 4, offset: 0, bytes: 4, value }] as const,
      ),
    ]),
  }

  it.each([
    { slots: 4, contextLength: 4_096, measured: 734 },
    { slots: 1, contextLength: 4_096, measured: 465 },
    { slots: 4, contextLength: 1_024, measured: 467 },
    { slots: 1, contextLength: 512, measured: 386 },
  ])('is near the $measured MiB that an engine took', ({ measured, ...settings }) => {
    const ratio = estimatedBytes(header, settings) / (measured * MIB)
    expect(ratio).toBeGreaterThan(0.97)
    expect(ratio).toBeLessThan(1.03)
  })

  it('counts no more context than the model was trained on', () => {
    const of = (contextLength: number) => estimatedBytes(header, { slots: 4, contextLength })
    expect(of(100_000)).toBe(of(8_192))
    expect(of(4_096)).toBeLessThan(of(8_192))
  })
})

describe('createEmbeddedPool', () => {
  let modelsDir: string
  let pool: EmbeddedPool
  let started: string[]
  let stopped: string[]
  /** Requests answer when they are released. */
  let release: Map<string, () => void>
  /** Engines that start, or stop, once these promises settle. */
  let starts: Map<string, Promise<void>>
  let stops: Map<string, Promise<void>>

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
    await starts.get(modelId)
    if (modelId === 'broken') throw new InferenceError('engine_failed', 'it cannot be loaded')
    return {
      ...{ description: '', pid: 1, gpu: false, active: 0, evaluatedTokens: 0 },
      memoryBytes: (modelId === 'large' ? 400 : 200) * MIB,
      models: async () => [{ ...LOADED, id: modelId }],
      load: async () => ({ state: 'ready', slots: 4, prefillRate: 1, decodeRate: 1 }),
      async *infer() {
        await new Promise<void>((resolve) => release.set(modelId, resolve))
        const usage = { promptTokens: 1, completionTokens: 1, cachedPromptTokens: 0 }
        yield { type: 'done', usage, timings: { prefillMs: 1, decodeMs: 1 } }
      },
      async [Symbol.asyncDispose]() {
        stopped.push(modelId)
        await stops.get(modelId)
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
    starts = new Map()
    stops = new Map()
  })

  afterEach(async () => {
    await pool?.[Symbol.asyncDispose]()
    // A digest that was being kept when the pool closed may still be written.
    await rm(modelsDir, { recursive: true, force: true, maxRetries: 10 })
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
      message: expect.stringMatching(
        /^a needs about \d+ MiB .* may use 50 MiB: raise --max-memory to \d+MiB/,
      ),
    })
  })

  it('holds the bound when a load takes more than was estimated: an idle model leaves', async () => {
    const paths = [await model('a'), await model('b')]
    // Of the small file less than 200 MiB is estimated: it would fit beside the other one.
    await open({ models: paths.map((path) => ({ path })), maxMemoryBytes: 390 * MIB })
    expect(started).toEqual(['a', 'b'])
    expect(stopped).toEqual(['a'])
    expect([await stateOf('a'), await stateOf('b')]).toEqual(['on-disk', 'loaded'])
  })

  describe('with a model that takes more than all the memory', () => {
    const REASON =
      /^large takes 400 MiB of memory, and models may use 300 MiB: raise --max-memory to 432MiB, or/
    const listed = async () => (await pool.manager.list()).find(({ id }) => id === 'large')
    const offered = async (): Promise<string[]> => (await pool.models()).map(({ id }) => id)
    const serve = async (init: Partial<EmbeddedPoolInit> = {}): Promise<void> => {
      await open(init)
      for (const id of ['large', 'small']) await pool.manager.serve?.(await model(id))
    }

    it('refuses the load that shows it, holds the bound, and lists the reason', async () => {
      await serve()
      expect(await offered()).toEqual(['large', 'small'])
      await expect(pool.manager.load('large')).rejects.toMatchObject({
        ...{ code: 'invalid_request', message: expect.stringMatching(REASON) },
      })
      expect(stopped).toEqual(['large'])
      expect(await offered()).toEqual(['small'])
      expect(await listed()).toMatchObject({
        ...{ state: 'on-disk', isServed: false, refusal: expect.stringMatching(REASON) },
      })
      expect(await pool.load()).toMatchObject({ state: 'ready' })
      await pool.manager.load('small')
    })

    it('gives requests the reason, and another peer may have the memory', async () => {
      await serve()
      const refused = { code: 'model_not_found', message: expect.stringMatching(REASON) }
      await expect(ask('large')).rejects.toMatchObject(refused)
      await expect(ask('large')).rejects.toMatchObject(refused)
      expect(started).toEqual(['large'])
    })

    it('refuses it without a load from then on, until the bound is raised', async () => {
      await serve({ cacheDir: modelsDir })
      await expect(pool.manager.load('large')).rejects.toThrow(REASON)
      await expect(pool.manager.load('large')).rejects.toThrow(REASON)
      await expect(pool.manager.serve?.('large')).rejects.toThrow(REASON)
      await pool[Symbol.asyncDispose]()
      await open({ cacheDir: modelsDir })
      await expect(pool.manager.serve?.('large')).rejects.toThrow(REASON)
      expect(started).toEqual(['large'])
      await pool[Symbol.asyncDispose]()
      await open({ cacheDir: modelsDir, maxMemoryBytes: 432 * MIB })
      await pool.manager.load('large')
      expect(await listed()).not.toHaveProperty('refusal')
    })

    it('starts with the other models where the refusal is taken note of', async () => {
      const models = [{ path: await model('large') }, { path: await model('small') }]
      await expect(open({ models })).rejects.toThrow(REASON)
      const refusals: string[] = []
      await open({ models, onRefused: (reason) => refusals.push(reason) })
      expect(refusals).toEqual([expect.stringMatching(REASON)])
      expect(await stateOf('small')).toBe('loaded')
      expect((await listed())?.refusal).toMatch(REASON)
    })

    it('gives its id to another file, and is removed as any other', async () => {
      await model('large-q8_0')
      await model('large-q4_0')
      await open()
      await expect(pool.manager.load('large-q8_0')).rejects.toThrow(REASON)
      await pool.manager.serve?.('large-q4_0')
      expect(await offered()).toEqual(['large'])
      await expect(pool.manager.load('large-q4_0')).rejects.toThrow(REASON)
      await pool.manager.remove?.('large-q4_0')
      expect(await offered()).toEqual([])
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

  it('estimates a model again whose settings have changed, and never below what was measured', async () => {
    const models = [{ path: await model('a') }]
    await open({ models, cacheDir: modelsDir })
    await pool[Symbol.asyncDispose]()
    const listed = async (init: Partial<EmbeddedPoolInit>) => {
      await open({ cacheDir: modelsDir, ...init })
      await pool.manager.serve?.('a')
      const [one] = await pool.manager.list()
      await pool[Symbol.asyncDispose]()
      return one
    }
    expect((await listed({}))?.memoryBytes).toBe(200 * MIB)
    for (const init of [{ slots: 1 }, { contextSize: 512 }, { gpu: 'auto' as const }]) {
      const one = await listed(init)
      expect(one?.memoryBytes, JSON.stringify(init)).toBeLessThan(200 * MIB)
      expect(one, JSON.stringify(init)).not.toHaveProperty('coldStartMs')
    }
    const large = { contextSize: 2 ** 20, slots: 1_024, maxMemoryBytes: Number.MAX_SAFE_INTEGER }
    await open({ models, cacheDir: modelsDir, ...large })
    await pool[Symbol.asyncDispose]()
    expect((await listed(large))?.memoryBytes).toBeGreaterThan(1_000 * MIB)
  })

  describe('with several loads at once', () => {
    const gate = (gates: Map<string, Promise<void>>, id: string): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gates.set(id, promise)
      return resolve
    }
    const called = async (calls: readonly string[], id: string): Promise<void> => {
      while (!calls.includes(id)) await new Promise(setImmediate)
    }
    const served = async (...names: string[]): Promise<void> => {
      const paths = await Promise.all(names.map(model))
      await open()
      for (const path of paths) await pool.manager.serve?.(path)
    }

    it('loads each in its turn: one that waits holds no memory', async () => {
      await served('a', 'b', 'c', 'd')
      await pool.manager.load('a')
      await Promise.all(['b', 'c', 'd'].map((id) => pool.manager.load(id)))
      expect(started).toEqual(['a', 'b', 'c', 'd'])
      expect(stopped).toEqual(['a', 'b', 'c'])
    })

    it('ends a load that waits for its turn at once, and the one before it goes on', async () => {
      await served('a', 'b', 'c')
      const start = gate(starts, 'a')
      const loads = ['a', 'b', 'c'].map((id) => pool.manager.load(id))
      const cancelled = expect(loads[1]).rejects.toMatchObject({ code: 'loading' })
      await called(started, 'a')
      await pool.manager.unload('b')
      await cancelled
      expect(started).toEqual(['a'])
      start()
      await Promise.all([loads[0], loads[2]])
      expect(started).toEqual(['a', 'c'])
    })

    it('closes with loads that wait, and keeps no engine that starts meanwhile', async () => {
      await served('a', 'b')
      const start = gate(starts, 'a')
      const loads = ['a', 'b'].map((id) => pool.manager.load(id))
      const ends = Promise.allSettled(loads)
      await called(started, 'a')
      const closed = pool[Symbol.asyncDispose]()
      await expect(loads[1]).rejects.toMatchObject({ code: 'engine_failed' })
      start()
      await closed
      expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      expect(stopped).toEqual(['a'])
    })

    it('loads no model again that is withdrawn', async () => {
      await served('a')
      await pool.manager.load('a')
      const stop = gate(stops, 'a')
      const withdrawn = pool.manager.withdraw?.('a')
      await called(stopped, 'a')
      await expect(ask('a')).rejects.toMatchObject({ code: 'model_not_found' })
      await expect(pool.manager.load('a')).rejects.toMatchObject({ code: 'loading' })
      stop()
      await withdrawn
      expect(started).toEqual(['a'])
      expect(await pool.models()).toEqual([])
      await pool.manager.load('a')
      expect(started).toEqual(['a', 'a'])
    })

    it('serves a model on that cannot be removed', async () => {
      const path = await model('a')
      await open()
      await pool.manager.serve?.('a')
      await writeFile(`${path}.used-${process.ppid}`, '')
      await expect(pool.manager.remove?.('a')).rejects.toMatchObject({ code: 'over_capacity' })
      await pool.manager.load('a')
      expect(await stateOf('a')).toBe('loaded')
    })

    it('serves a file once that is added twice at a time', async () => {
      await model('a')
      await open()
      await Promise.all([pool.manager.load('a'), pool.manager.load('a')])
      expect(started).toEqual(['a'])
      expect(await pool.models()).toHaveLength(1)
    })

    it('waits for a model that gets a request while another one leaves', async () => {
      await open({ maxMemoryBytes: 450 * MIB })
      for (const id of ['a', 'b', 'large']) await pool.manager.serve?.(await model(id))
      // Measured: both of the others have to leave for it.
      await pool.manager.load('large')
      await pool.manager.unload('large')
      await pool.manager.load('a')
      await pool.manager.load('b')
      const stop = gate(stops, 'a')
      const loaded = pool.manager.load('large')
      await called(stopped, 'a')
      const answer = ask('b')
      await begun('b')
      stop()
      await until('a', 'on-disk')
      expect(stopped).toEqual(['large', 'a'])
      release.get('b')?.()
      await Promise.all([answer, loaded])
      expect(stopped).toEqual(['large', 'a', 'b'])
    })
  })
})
