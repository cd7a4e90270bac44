import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { type AbortOptions, delay } from '../../timing/index.ts'
import { asArray, asRecord, type EngineHttp } from '../http/index.ts'
import type { LoadOptions, ManagedModel, ManagedState, ModelManager } from '../model-manager.ts'

/** Between two looks at a model that is being loaded. */
const LOOK_MS = 250
const STATES: Readonly<Record<string, ManagedState>> = { loaded: 'loaded', loading: 'loading' }

/** The models of a llama-server that was started without one: it runs a server for each that is loaded. */
export class LlamaRouter implements ModelManager {
  readonly engine = 'llama-server'
  readonly #http: EngineHttp

  constructor(http: EngineHttp) {
    this.#http = http
  }

  async list(options: AbortOptions = {}): Promise<readonly ManagedModel[]> {
    const { data } = await this.#http.get('/models', options)
    return asArray(data).map((model): ManagedModel => {
      const { id, status } = asRecord(model)
      const name = String(id)
      return {
        ...{ name, id: normalizeModelId(name), bytes: 0, source: '', isServed: true },
        state: STATES[String(asRecord(status)['value'])] ?? 'on-disk',
      }
    })
  }

  async load(name: string, options: LoadOptions = {}): Promise<void> {
    const { signal } = options
    if ((await this.#stateOf(name, options)) === 'loaded') return
    await this.#http.post('/models/load', { model: name }, { signal })
    for (;;) {
      const state = await this.#stateOf(name, options)
      if (state === 'loaded') return
      if (state !== 'loading') {
        throw new InferenceError(
          'engine_failed',
          `llama-server could not load ${name}: see its log`,
        )
      }
      await delay(LOOK_MS, { signal })
    }
  }

  async unload(name: string, { signal }: AbortOptions = {}): Promise<void> {
    await this.#http.post('/models/unload', { model: name }, { signal })
  }

  async #stateOf(name: string, options: AbortOptions): Promise<ManagedState> {
    const models = await this.list(options)
    const found = models.find((model) => model.name === name || model.id === name)
    if (found !== undefined) return found.state
    throw new InferenceError(
      'model_not_found',
      `llama-server has no model '${name}', but ${models.map((model) => model.name).join(', ')}`,
      { details: { param: 'model' } },
    )
  }
}
