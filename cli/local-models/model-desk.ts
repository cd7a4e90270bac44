import type {
  LoadOptions,
  ManagedModel,
  ModelManager,
  PullOptions,
  PullProgress,
} from '../../backend/index.ts'
import type { Node } from '../../node/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import { onceIdle } from './once-idle.ts'
import { PullJob } from './pull-job.ts'

/** Changes come in bursts, and each costs a look at the disk. */
const SETTLE_MS = 100
/** Downloads at a time. */
const MAX_PULLS = 8

/** A model of this machine, as commands, the gateway and the console show it. */
export interface DeskModel extends ManagedModel {
  readonly isShared: boolean
  /** While it is loaded: 0 to 1. */
  readonly loadShare?: number
}

/** A download that runs or has failed. */
export interface DeskPull extends PullProgress {
  readonly source: string
  readonly error?: string
}

export interface DeskView {
  readonly engine: ModelManager['engine']
  readonly canPull: boolean
  readonly canRemove: boolean
  readonly models: readonly DeskModel[]
  readonly pulls: readonly DeskPull[]
}

export interface ModelDeskInit {
  readonly manager: ModelManager
  readonly node: Pick<Node, 'models' | 'refresh' | 'share'>
  /** Remembers what is shared for the next start. @default not remembered */
  readonly remember?: (names: readonly string[]) => Promise<void>
  /** @default the machine's */
  readonly clock?: Clock
}

/** What can be done with the models of this machine while a node serves them: one place for every way in. */
export class ModelDesk implements Disposable {
  readonly #init: ModelDeskInit
  readonly #clock: Clock
  readonly #closing = new AbortController()
  readonly #pulls = new Map<string, PullJob>()
  readonly #shares = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  readonly #unsubscribe: () => void
  #models: readonly DeskModel[] = []
  #settling: ReturnType<typeof setTimeout> | undefined

  constructor(init: ModelDeskInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
    // A model came into memory or left it: what its first answer costs has changed.
    this.#unsubscribe = init.manager.onChange?.(() => this.#refreshSoon()) ?? (() => {})
    this.#refreshSoon()
  }

  [Symbol.dispose](): void {
    this.#closing.abort()
    clearTimeout(this.#settling)
    this.#unsubscribe()
    for (const job of this.#pulls.values()) job.stop()
  }

  /** As of the last change, but for which models answer. */
  view(): DeskView {
    const { manager } = this.#init
    return {
      engine: manager.engine,
      canPull: manager.pull !== undefined,
      canRemove: manager.remove !== undefined,
      models: this.#models.map((model) => asOfNow(manager, model)),
      pulls: [...this.#pulls.values()].map(({ source, progress, error }) => ({
        ...{ source, ...progress },
        ...(error !== undefined && { error }),
      })),
    }
  }

  /** @returns unsubscribe */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async list(): Promise<readonly DeskModel[]> {
    const { manager, node } = this.#init
    const shared = new Set(node.models().map(({ id }) => id))
    this.#models = (await manager.list()).map((model) => {
      const loadShare = this.#shares.get(model.name)
      return {
        // Quantizations have one id: the node shares the one that is served.
        ...{ ...model, isShared: isOffered(manager, model) && shared.has(model.id) },
        ...(loadShare !== undefined && { loadShare }),
      }
    })
    return this.#models
  }

  /** Downloads a model; a download of it that runs already is followed. @returns its name */
  async pull(source: string, options: PullOptions = {}): Promise<string> {
    return await this.#job(source, options).follow(options.onProgress, options.signal)
  }

  /** Starts a download that needs no caller. */
  startPull(source: string, options: Pick<PullOptions, 'sha256'> = {}): void {
    this.#job(source, options).keep()
  }

  /** Ends a download, or forgets one that has failed. */
  stopPull(source: string): void {
    this.#pulls.get(source)?.stop()
    this.#pulls.delete(source)
    this.#changed()
  }

  async load(name: string, options: LoadOptions = {}): Promise<void> {
    const { manager } = this.#init
    this.#shares.set(name, 0)
    try {
      await manager.load(name, {
        ...options,
        onProgress: (share) => {
          options.onProgress?.(share)
          this.#shares.set(name, share)
          this.#refreshSoon()
        },
      })
    } finally {
      this.#shares.delete(name)
    }
    await this.share(name)
  }

  /** Answers that run may end first, for a few seconds. */
  async unload(name: string): Promise<void> {
    await this.#onceIdle(name, () => this.#init.manager.unload(name))
    await this.#readvertise()
  }

  async share(name: string): Promise<void> {
    const { manager } = this.#init
    if (manager.serve !== undefined) {
      await manager.serve(name)
      await this.#readvertise()
      await this.#shareToo(name)
    } else await this.#shareOnly([...this.#sharedIds(), (await this.#named(name)).id])
    await this.#remember()
  }

  /** As {@link unload}, where the engine frees the memory of what it does not serve. */
  async unshare(name: string): Promise<void> {
    const { manager } = this.#init
    const withdraw = manager.withdraw?.bind(manager)
    if (withdraw !== undefined) {
      await this.#onceIdle(name, () => withdraw(name))
      await this.#readvertise()
    } else {
      const { id } = await this.#named(name)
      await this.#shareOnly(this.#sharedIds().filter((one) => one !== id))
    }
    await this.#remember()
  }

  async remove(name: string): Promise<void> {
    const { manager } = this.#init
    if (manager.remove === undefined) throw cannot(manager, 'deletes no model')
    await manager.remove(name)
    if (manager.serve === undefined) await this.#shareOnly(await this.#stillThere())
    else await this.#readvertise()
    await this.#remember()
  }

  async #onceIdle(name: string, work: () => Promise<void>): Promise<void> {
    await onceIdle(work, {
      isAnswering: () => this.#init.manager.isAnswering?.(name) === true,
      clock: this.#clock,
      signal: this.#closing.signal,
    })
  }

  #job(source: string, { sha256 }: Pick<PullOptions, 'sha256'>): PullJob {
    const { manager } = this.#init
    const running = this.#pulls.get(source)
    if (running !== undefined && running.error === undefined && !running.isStopped) return running
    if (manager.pull === undefined) throw cannot(manager, 'downloads no model')
    const active = [...this.#pulls.values()].filter(({ error }) => error === undefined)
    if (active.length >= MAX_PULLS) {
      throw new InferenceError('over_capacity', `${MAX_PULLS} downloads run already: wait for one`)
    }
    const pull = manager.pull.bind(manager)
    const job = new PullJob(source, pull, {
      ...(sha256 !== undefined && { sha256 }),
      onChange: () => this.#changed(),
    })
    this.#pulls.set(source, job)
    void job.ended.then(() => {
      const isCurrent = this.#pulls.get(source) === job
      if (isCurrent && (job.error === undefined || job.isStopped)) this.#pulls.delete(source)
      this.#refreshSoon()
      this.#changed()
    })
    this.#changed()
    return job
  }

  async #named(name: string): Promise<DeskModel> {
    const models = await this.list()
    const found =
      models.find((model) => model.name === name) ?? models.find((model) => model.id === name)
    if (found !== undefined) return found
    throw new InferenceError(
      'model_not_found',
      `this machine has no model '${name}', but ${models.map((model) => model.name).join(', ') || 'none'}`,
      { details: { param: 'model' } },
    )
  }

  #sharedIds(): string[] {
    return this.#init.node.models().map(({ id }) => id)
  }

  async #shareOnly(ids: readonly string[]): Promise<void> {
    await this.#init.node.share([...new Set(ids)])
    await this.#relist()
  }

  /** Adds a served model to what is shared, where a setting names other models. */
  async #shareToo(name: string): Promise<void> {
    const wanted = normalizeModelId(name)
    const served = this.#models.filter(({ isServed }) => isServed)
    const found =
      served.find((model) => normalizeModelId(model.name) === wanted || model.path === name) ??
      served.find(({ id }) => id === wanted)
    if (found === undefined || found.isShared) return
    await this.#shareOnly([...this.#sharedIds(), found.id])
  }

  /** Tells peers what this machine serves now, of what is to be shared. */
  async #readvertise(): Promise<void> {
    await this.#init.node.refresh()
    await this.#relist()
  }

  async #relist(): Promise<void> {
    await this.list()
    this.#changed()
  }

  async #stillThere(): Promise<readonly string[]> {
    const there = new Set((await this.#init.manager.list()).map(({ id }) => id))
    return this.#sharedIds().filter((id) => there.has(id))
  }

  async #remember(): Promise<void> {
    const shared = this.#models.filter(({ isShared }) => isShared)
    // On a full disk the choice holds until the next start.
    await this.#init.remember?.(shared.map(({ name }) => name)).catch(() => undefined)
  }

  #refreshSoon(): void {
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined
      this.#readvertise().catch(() => undefined)
    }, SETTLE_MS)
    this.#settling.unref()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

function asOfNow(manager: ModelManager, model: DeskModel): DeskModel {
  const isInMemory = model.state === 'loaded' || model.state === 'running'
  if (!isInMemory || manager.isAnswering === undefined) return model
  return { ...model, state: manager.isAnswering(model.name) ? 'running' : 'loaded' }
}

/** Whether requests for the model's id reach this model. */
function isOffered({ serve }: ModelManager, { isServed }: ManagedModel): boolean {
  return serve === undefined || isServed
}

function cannot({ engine }: ModelManager, what: string): InferenceError {
  return new InferenceError('capability_unavailable', `${engine} ${what} here`)
}
