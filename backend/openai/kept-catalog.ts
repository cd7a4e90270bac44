import { normalizeModelId } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { selectModel } from '../select-model.ts'
import { assumedCatalog, type Catalog, readCatalog } from './catalog.ts'
import type { OpenAiBackendInit } from './openai-backend-init.ts'

/** Age after which the catalog is refreshed: models change seldom, and requests of other peers must not query the engine each time. */
const CATALOG_AGE_MS = 30_000

type KeptCatalogInit = Pick<
  OpenAiBackendInit,
  'assumed' | 'capabilities' | 'continues' | 'digestOf' | 'exactCapabilities' | 'models' | 'names'
> & {
  /** The server without `/v1`. */
  readonly root: EngineHttp
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** The engine's models, asked for again when the list is old. */
export class KeptCatalog {
  readonly #init: KeptCatalogInit
  readonly #trials = new Map<string, boolean>()
  #kept: { readonly readAt: number; readonly value: Catalog } | undefined

  constructor(init: KeptCatalogInit) {
    this.#init = init
  }

  /** The newest catalog, however old; undefined before the first. */
  get latest(): Catalog | undefined {
    return this.#kept?.value
  }

  /** The catalog for a request; refreshed if it is old and lacks the model, which may have been loaded since. */
  async having(name: string, options: AbortOptions): Promise<Catalog> {
    const { assumed, models } = this.#init
    if (assumed === true && models === undefined) return assumedCatalog([name], this.#init)
    const { latest } = this
    if (latest !== undefined && has(latest, name)) return latest
    return await this.read(options)
  }

  async read(options: AbortOptions): Promise<Catalog> {
    const { models, assumed, now } = this.#init
    const kept = this.#kept
    if (kept !== undefined && now() - kept.readAt < CATALOG_AGE_MS) return kept.value
    const value =
      assumed === true
        ? assumedCatalog(models ?? [], this.#init)
        : await this.#readWanted(models, options)
    this.#kept = { readAt: now(), value }
    return value
  }

  async #readWanted(
    models: readonly string[] | undefined,
    options: AbortOptions,
  ): Promise<Catalog> {
    const {
      root,
      names = {},
      capabilities = [],
      exactCapabilities,
      digestOf,
      continues,
    } = this.#init
    const all = await readCatalog(
      {
        ...{ root, names, exactCapabilities, digestOf, continues },
        extraCapabilities: capabilities,
        trials: this.#trials,
      },
      options,
    )
    const wanted = models?.map(normalizeModelId)
    const entries = all.entries.filter(
      ({ model, engineName }) =>
        wanted === undefined ||
        wanted.includes(model.id) ||
        wanted.includes(normalizeModelId(engineName)),
    )
    return { ...all, entries }
  }
}

function has({ entries }: Catalog, name: string): boolean {
  try {
    selectModel(
      entries.map(({ model }) => model),
      name,
    )
    return true
  } catch {
    return false
  }
}
