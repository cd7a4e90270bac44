import {
  type AbortOptions,
  backoffMs,
  type Clock,
  openScope,
  systemClock,
} from '../../timing/index.ts'

/** Longest trial of an engine that shows signs of life: it may load a model, or compile its kernels. */
const MAX_TRIAL_MS = 600_000
/** Pauses between the tries of a trial without a verdict. */
const BACKOFF = { minMs: 5_000, maxMs: 600_000 }
/** A try without a verdict that took longer kept the engine from its requests. */
const COSTLY_MS = 60_000
/** Costly tries after which the question stays open. */
const MAX_COSTLY = 5

/**
 * Finds out one thing about an engine with a few requests, and resolves with the verdict; undefined if the engine was
 * busy, silent or absent. Bounds each of its waits by signs of life. A trial that throws is inconclusive as well.
 */
export type Trial<T> = (options: Required<AbortOptions>) => Promise<T | undefined>

/**
 * The verdict of a trial so far. The first call for a subject and a question has the trial run when its turn comes.
 *
 * @param subject what the engine has to have loaded: trials of one are run together
 */
export type AskTrial = <T>(subject: string, question: string, trial: Trial<T>) => T | undefined

/**
 * What an engine says of itself and of a subject, by name. An absent value is not known at the moment.
 */
export type Traits = Readonly<Record<string, string | undefined>>

export interface TrialsInit {
  /** Ends all trials. */
  readonly signal: AbortSignal
  /** Called after each verdict. It may ask for further trials. */
  readonly onVerdict: () => void
  /** @default the machine's */
  readonly clock?: Clock | undefined
}

interface Pending {
  readonly key: string
  readonly subject: string
  readonly trial: Trial<unknown>
  tries: number
  costly: number
}

/** Runs trials of an engine one after the other, beside its requests, each until it has a verdict. */
export class Trials {
  readonly #init: TrialsInit
  readonly #clock: Clock
  readonly #verdicts = new Map<string, unknown>()
  /** By key. A trial that is no longer here has lapsed, and its verdict does not count. */
  readonly #asked = new Map<string, Pending>()
  readonly #traits = new Map<string, Traits>()
  readonly #queue: Pending[] = []
  #revision = 0
  #running: Promise<void> | undefined
  #last = ''

  constructor(init: TrialsInit) {
    this.#init = init
    this.#clock = init.clock ?? systemClock
  }

  /** Changes with each verdict, and whenever verdicts lapse. */
  get revision(): number {
    return this.#revision
  }

  readonly ask: AskTrial = <T>(subject: string, question: string, trial: Trial<T>) => {
    const key = `${subject} ${question}`
    if (!this.#asked.has(key)) {
      const pending = { key, subject, trial, tries: 0, costly: 0 }
      this.#asked.set(key, pending)
      this.#enqueue(pending)
    }
    return this.known<T>(subject, question)
  }

  /** The verdict so far, without having a trial run. */
  readonly known = <T>(subject: string, question: string): T | undefined =>
    // A question stands for one kind of verdict.
    this.#verdicts.get(`${subject} ${question}`) as T | undefined

  /** Records what the engine says of a subject now. Verdicts on it lapse if that differs from what it said before. */
  describe(subject: string, traits: Traits): void {
    const before = this.#traits.get(subject) ?? {}
    const known = Object.entries(traits).filter(([, value]) => value !== undefined)
    this.#traits.set(subject, { ...before, ...Object.fromEntries(known) })
    const isOther = known.some(([name, value]) => (before[name] ?? value) !== value)
    if (isOther) this.#lapse((asked) => asked.subject === subject)
  }

  /** The engine was seen to be down: it may have other settings when it is back, so no verdict counts any longer. */
  forget(): void {
    this.#traits.clear()
    this.#lapse(() => true)
  }

  #lapse(isMeant: (asked: Pending) => boolean): void {
    for (const pending of [...this.#asked.values()].filter(isMeant)) {
      this.#asked.delete(pending.key)
      this.#verdicts.delete(pending.key)
    }
    this.#revision += 1
  }

  /** Resolves once no trial runs or waits for its turn. Those that pause before another try are not waited for. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #enqueue(pending: Pending): void {
    if (this.#init.signal.aborted || this.#hasLapsed(pending)) return
    this.#queue.push(pending)
    this.#start()
  }

  #start(): void {
    if (this.#queue.length === 0) return
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      this.#start()
    })
  }

  async #run(): Promise<void> {
    // All that is asked for at once is in the queue before the first one is chosen.
    await Promise.resolve()
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (this.#hasLapsed(next)) continue
      this.#last = next.subject
      const startedAtMs = this.#clock.now()
      const verdict = await this.#try(next.trial)
      if (this.#clock.now() - startedAtMs > COSTLY_MS) next.costly += 1
      if (this.#init.signal.aborted) {
        this.#queue.length = 0
        return
      }
      if (this.#hasLapsed(next)) continue
      if (verdict === undefined) this.#tryLater(next)
      else {
        this.#verdicts.set(next.key, verdict)
        this.#revision += 1
        this.#init.onVerdict()
      }
    }
  }

  #hasLapsed(pending: Pending): boolean {
    return this.#asked.get(pending.key) !== pending
  }

  /** Of the subject that is loaded, if there is one: another would have to be loaded in its place. */
  #next(): Pending | undefined {
    const same = this.#queue.findIndex(({ subject }) => subject === this.#last)
    return this.#queue.splice(Math.max(0, same), 1)[0]
  }

  async #try(trial: Trial<unknown>): Promise<unknown> {
    using scope = openScope(
      { timeoutMs: MAX_TRIAL_MS, clock: this.#clock },
      { owner: this.#init.signal },
    )
    return await trial({ signal: scope.signal }).catch(() => undefined)
  }

  #tryLater(pending: Pending): void {
    if (pending.costly >= MAX_COSTLY) return
    const pauseMs = backoffMs(pending.tries, BACKOFF)
    pending.tries += 1
    this.#clock.after(pauseMs, () => this.#enqueue(pending), { background: true })
  }
}
