import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { LRUCache } from 'lru-cache'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, raceSignal } from '../../timing/index.ts'
import type { GrammarSchema } from './convert-schema.ts'
import type { FromGrammars, ToGrammars } from './grammar-messages.ts'
import { unavailable } from './schema-budget.ts'

/** Bounds on the work for one schema. */
export const GRAMMAR_LIMITS = {
  /** From the schema to the grammar; the process that takes longer is killed. */
  buildMs: 1_000,
  /** CPU time of the engine for the finished grammar, during which it serves no other request. */
  engineMs: 100,
  /** UTF-16 code units of a grammar. */
  characters: 1_048_576,
  /** The process may load the vocabulary for this long. */
  startMs: 60_000,
  /** An unused process ends after this time. */
  idleMs: 120_000,
  /** UTF-16 code units of all cached grammars. */
  cached: 4_194_304,
} as const

const CHILD = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './grammar-child.ts' : './grammar-child.js',
    import.meta.url,
  ),
)

export interface GrammarBuilderInit {
  readonly modelPath: string
  readonly clock: Clock
  /** Starts the process. @default forks it */
  readonly start?: () => GrammarProcess
}

/** The part of a child process that the builder uses. */
export type GrammarProcess = Pick<ChildProcess, 'kill' | 'on' | 'once' | 'send'>

interface Running {
  readonly process: GrammarProcess
  readonly ready: Promise<void>
}

interface Build {
  readonly id: number
  readonly done: PromiseWithResolvers<string | InferenceError>
}

/**
 * Builds grammars in a process of its own, one at a time, so that a schema that is costly to prepare costs its caller an
 * error and others no time. What the process reports, refusals included, is cached; that it was late or died is not, as a
 * busy machine may be the reason.
 */
export class GrammarBuilder implements Disposable {
  readonly #init: GrammarBuilderInit
  readonly #cache = new LRUCache<string, string | InferenceError>({
    maxSize: GRAMMAR_LIMITS.cached,
    sizeCalculation: (value, key) => key.length + (typeof value === 'string' ? value.length : 256),
  })
  #running: Running | undefined
  #build: Build | undefined
  /** The builds one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #idle: Disposable | undefined
  #lastId = 0

  constructor(init: GrammarBuilderInit) {
    this.#init = init
  }

  /**
   * The grammar of a schema as text.
   *
   * @throws InferenceError `capability_unavailable` if it is too costly, `engine_failed` if no process can be started; the
   * signal's reason
   */
  async text(schema: GrammarSchema, signal: AbortSignal | undefined): Promise<string> {
    const key = JSON.stringify(schema)
    const known = this.#cache.get(key)
    if (known instanceof InferenceError) throw known
    if (known !== undefined) return known
    const mine = this.#turn.then(async () => {
      signal?.throwIfAborted()
      const built = this.#cache.get(key) ?? (await this.#built(schema))
      this.#cache.set(key, built)
      return built
    })
    this.#turn = mine.catch(() => undefined)
    const text = await (signal === undefined ? mine : raceSignal(mine, signal))
    if (text instanceof InferenceError) throw text
    return text
  }

  [Symbol.dispose](): void {
    this.#idle?.[Symbol.dispose]()
    this.#end()
  }

  /** The grammar, or why the process refuses it. */
  async #built(schema: GrammarSchema): Promise<string | InferenceError> {
    const { clock } = this.#init
    this.#idle?.[Symbol.dispose]()
    this.#running ??= this.#start()
    const running = this.#running
    await running.ready
    const build: Build = { id: ++this.#lastId, done: Promise.withResolvers() }
    this.#build = build
    running.process.send({ type: 'build', id: build.id, schema } satisfies ToGrammars)
    const deadline = clock.after(GRAMMAR_LIMITS.buildMs, () => {
      build.done.reject(tooCostly())
      this.#end()
    })
    try {
      return await build.done.promise
    } finally {
      deadline[Symbol.dispose]()
      this.#build = undefined
      this.#idle = clock.after(GRAMMAR_LIMITS.idleMs, () => this.#end(), {
        background: true,
      })
    }
  }

  #start(): Running {
    const { clock, modelPath, start = forked } = this.#init
    const child = start()
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    ready.catch(() => undefined)
    const running = { process: child, ready }
    const end = (error: InferenceError): void => {
      slow[Symbol.dispose]()
      reject(error)
      if (this.#running !== running) return
      this.#build?.done.reject(error)
      this.#end()
    }
    const fail = (why: string): void =>
      end(new InferenceError('engine_failed', `grammars cannot be built: ${why}`))
    const slow = clock.after(GRAMMAR_LIMITS.startMs, () => fail('the vocabulary was not loaded'))
    child.on('message', (message: FromGrammars) => {
      if (message.type === 'ready') {
        slow[Symbol.dispose]()
        resolve()
      } else if (message.type === 'unusable') fail(message.message)
      else if (message.id === this.#build?.id) settle(this.#build, message)
    })
    child.once('error', (error) => fail(error.message))
    // A schema that makes the native code crash is too costly as well.
    child.once('exit', () =>
      this.#build === undefined ? fail('its process ended') : end(tooCostly()),
    )
    child.send({ type: 'load', modelPath } satisfies ToGrammars)
    return running
  }

  #end(): void {
    const running = this.#running
    this.#running = undefined
    running?.process.kill('SIGKILL')
  }
}

function settle(
  { done }: Build,
  message: FromGrammars & { readonly type: 'built' | 'refused' },
): void {
  if (message.type === 'refused') {
    done.resolve(unavailable('that schema'))
    return
  }
  const { text, engineMs } = message
  const isCheap = engineMs <= GRAMMAR_LIMITS.engineMs && text.length <= GRAMMAR_LIMITS.characters
  done.resolve(isCheap ? text : tooCostly())
}

function tooCostly(): InferenceError {
  return unavailable('a schema that is so costly to prepare: use fewer parts and lower bounds')
}

function forked(): GrammarProcess {
  return fork(CHILD, [], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
}
