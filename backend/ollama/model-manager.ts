import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { asArray, asRecord, type EngineHttp, parseJson } from '../http/index.ts'
import type { ManagedModel, ModelManager, PullOptions } from '../model-manager.ts'

/** Loading tens of gigabytes from a slow disk. */
const LOAD_TIMEOUT_MS = 300_000

/** Ollama's models, by its own API. Ollama also loads and unloads models by itself. */
export class OllamaManager implements ModelManager {
  readonly engine = 'ollama'
  readonly #http: EngineHttp
  readonly #onModels: () => void

  /** @param onModels called when a model came or went */
  constructor(http: EngineHttp, onModels: () => void) {
    this.#http = http
    this.#onModels = onModels
  }

  async list(options: AbortOptions = {}): Promise<readonly ManagedModel[]> {
    const [tags, running] = await Promise.all([
      this.#http.get('/api/tags', options),
      this.#loaded(options),
    ])
    return asArray(tags['models']).map((model): ManagedModel => {
      const { name: named, size, digest } = asRecord(model)
      const name = String(named)
      const memoryBytes = running.get(name)
      return {
        ...{ name, id: normalizeModelId(name), source: name, isServed: true },
        bytes: Number(size) || 0,
        state: memoryBytes === undefined ? 'on-disk' : 'loaded',
        ...(typeof digest === 'string' && { sha256: digest.replace(/^sha256:/, '') }),
        ...(memoryBytes !== undefined && { memoryBytes }),
      }
    })
  }

  async pull(source: string, { signal, sha256, onProgress }: PullOptions = {}): Promise<string> {
    if (sha256 !== undefined) {
      throw new InferenceError(
        'invalid_request',
        'Ollama checks the digests of its own models: leave out the sha256',
        { details: { param: 'sha256' } },
      )
    }
    const body = { model: source, stream: true }
    let status = ''
    // Every record is a report: the wait for the next one is that for a first one.
    const options = { signal, framing: 'lines', isReport: () => true } as const
    for await (const records of this.#http.stream('/api/pull', body, options)) {
      for (const record of records) {
        const line = parseJson(record)
        if (typeof line['error'] === 'string') throw refused(line['error'])
        status = String(line['status'] ?? '')
        onProgress?.({
          status,
          receivedBytes: Number(line['completed']) || 0,
          totalBytes: Number(line['total']) || 0,
          ...(typeof line['digest'] === 'string' && { digest: line['digest'] }),
        })
      }
    }
    if (status !== 'success') throw refused('the download ended early: pull it again')
    this.#onModels()
    return source
  }

  async load(name: string, options: AbortOptions = {}): Promise<void> {
    const call = { ...options, timeoutMs: LOAD_TIMEOUT_MS }
    await this.#http.post('/api/generate', { model: name, stream: false }, call).catch((error) => {
      // Models that only embed are loaded by embedding.
      if (!InferenceError.is(error, 'invalid_request')) throw error
      return this.#http.post('/api/embed', { model: name, input: [] }, call)
    })
  }

  /** Ollama lets a running answer end first. */
  async unload(name: string, options: AbortOptions = {}): Promise<void> {
    await this.#http.post('/api/generate', { model: name, keep_alive: 0, stream: false }, options)
  }

  async remove(name: string, options: AbortOptions = {}): Promise<void> {
    const model = (await this.list(options)).find((one) => one.name === name || one.id === name)
    if (model?.state === 'loaded') {
      throw new InferenceError('over_capacity', `${name} is in memory: unload it first`, {
        details: { param: 'model' },
      })
    }
    await this.#http.delete('/api/delete', { model: model?.name ?? name }, options)
    this.#onModels()
  }

  /** Bytes in memory by the names of the loaded models. */
  async #loaded(options: AbortOptions): Promise<ReadonlyMap<string, number>> {
    const { models } = await this.#http.get('/api/ps', options)
    return new Map(
      asArray(models).map((model) => {
        const { name, size } = asRecord(model)
        return [String(name), Number(size) || 0] as const
      }),
    )
  }
}

function refused(why: string): InferenceError {
  return new InferenceError('invalid_request', `Ollama: ${why}`, { details: { param: 'model' } })
}
