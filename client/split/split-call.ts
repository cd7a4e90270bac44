import { type AttemptRecord, InferenceError } from '../../protocol/index.ts'
import { type Clock, openScope, type Scope } from '../../timing/index.ts'
import type { Requester } from '../pipeline/index.ts'
import {
  joinPlacements,
  modelOf,
  type PlacedOptions,
  type Placement,
  type RequestEvent,
} from '../request/index.ts'
import { isRefusal } from './after-failure.ts'
import { SPLIT_LIMITS } from './limits.ts'
import { mergedEvent } from './merged-event.ts'
import { type PartEvent, runParts } from './run-parts.ts'
import { type Part, WorkQueue, type WorkQueueInit } from './work-queue.ts'
/** What splitting hangs on. */
export interface SplitContext {
  readonly requester: Requester
  /** For calls that do not say. */
  readonly timeoutMs: number
  readonly random: () => number
  readonly clock: Clock
}

export interface SplitCallInit extends Pick<WorkQueueInit, 'copies' | 'take'> {
  readonly body: object
  readonly options: PlacedOptions
  /** Items in all. */
  readonly count: number
  /** Items of the first part, which alone is asked of a chain of models: whose answer it is decides for the others. */
  readonly first: number
  /** When that is decided: as its first answer begins, or only as it has ended. */
  readonly decided: 'begun' | 'ended'
  readonly narrow?: NonNullable<Placement['narrow']>
  /** Where attempts are told as their parts end. @default nowhere */
  readonly attempts?: AttemptRecord[]
}

/** What one part is asked with. */
export interface PartCall {
  readonly part: Part
  /** The call's, naming one model where one of a chain is decided on. */
  readonly body: object
  readonly options: PlacedOptions
}

/** What an answered part tells beside its answer. */
export interface PartAnswer {
  readonly attempts: readonly AttemptRecord[]
}

/** A failure and the items that it is the result of. */
export interface FailedItems {
  readonly items: readonly number[]
  readonly error: InferenceError
}

/** One call whose items are asked for apart. */
export class SplitCall {
  readonly scope: Scope
  readonly failed: FailedItems[] = []
  readonly #context: SplitContext
  readonly #init: SplitCallInit
  readonly #events: RequestEvent[] = []
  readonly #startedAt: number
  readonly #clock: Clock
  readonly #started: number
  readonly #decision = Promise.withResolvers<void>()
  readonly #chain: boolean
  /** What answers the part that decides. */
  #answering: string | undefined
  /** What was decided on. */
  #model: string | undefined

  constructor(context: SplitContext, init: SplitCallInit) {
    const { options } = init
    this.#context = context
    this.#init = init
    this.#clock = context.clock
    this.#started = this.#clock.now()
    this.#startedAt = context.clock.wall()
    this.#chain = context.requester.isChain(init.body)
    const { timeoutMs = context.timeoutMs } = options
    this.scope = openScope({ timeoutMs, clock: this.#clock }, options)
  }

  /** The record of all parts together. */
  event(end: Partial<Pick<RequestEvent, 'outcome' | 'usage'>> = {}): RequestEvent | undefined {
    const durationMs = this.#clock.now() - this.#started
    const { outcome = 'answered' } = end
    return mergedEvent(this.#events, { ...end, outcome, startedAt: this.#startedAt, durationMs })
  }

  /** Asks for all parts. Ends once each item has its answer or is among the `failed`. @throws the scope's reason */
  async *run<P, R extends PartAnswer>(
    ask: (call: PartCall, emit: (piece: P) => Promise<void>) => Promise<R>,
  ): AsyncGenerator<PartEvent<P, R>, void, void> {
    const { requester, random } = this.#context
    const { count, first, take, copies, decided } = this.#init
    const model = modelOf(this.#init.body)
    const queue = new WorkQueue({
      slots: () => requester.slots(this.#model ?? model, this.#init.options.trusted),
      copies,
      random,
      maxTries: SPLIT_LIMITS.maxTries,
      ...(take !== undefined && {
        take: (next, lanes, itemMs) =>
          this.#chain && this.#model === undefined ? next.length : take(next, lanes, itemMs),
      }),
    })
    const alone = this.#chain ? Math.min(first, count) : count
    queue.add(range(0, alone))
    if (alone === count) queue.close()
    const feed = async (): Promise<void> => {
      await this.#decision.promise
      queue.add(range(alone, count))
      queue.close()
    }
    const events = runParts<P, R>(
      {
        queue,
        run: (part, options, emit) =>
          ask({ part, body: this.#bodyOf(), options: this.#optionsOf(options) }, emit),
        ...(alone < count && { feed }),
        clock: this.#clock,
        crowded: ({ attempts }) => attempts.some(({ outcome }) => isRefusal(outcome)),
      },
      this.scope,
    )
    for await (const event of events) {
      if (event.type === 'failed' && event.items.length > 0) {
        const { items, error } = event
        if (this.#chain && this.#model === undefined) throw error
        this.failed.push({ items, error })
      }
      yield event
      if (event.type === 'answered' && decided === 'ended') this.#decide()
    }
  }

  /**
   * What came of every item, when there was time for it or not.
   *
   * @param answered those that have an answer
   * @throws what has ended the call, unless it is the deadline and something was answered
   */
  expired(error: unknown, answered: ReadonlySet<number>): void {
    const { signal } = this.scope
    const { count, options } = this.#init
    const isDeadline = signal.aborted && options.signal?.aborted !== true && signal.reason === error
    if (!isDeadline || answered.size === 0) throw error
    const failed = new Set(this.failed.flatMap(({ items }) => items))
    const items = [...range(0, count)].filter((item) => !answered.has(item) && !failed.has(item))
    this.failed.push({ items, error: InferenceError.from(error) })
  }

  #optionsOf({
    signal,
    placement,
  }: Required<Pick<PlacedOptions, 'placement' | 'signal'>>): PlacedOptions {
    const { options, narrow, decided, attempts } = this.#init
    const own: Placement = {
      ...(narrow !== undefined && { narrow }),
      onModel: (model) => {
        this.#answering = model
        if (decided === 'begun') this.#decide()
      },
      onEnd: (event) => {
        this.#events.push(event)
        attempts?.push(...event.attempts)
      },
    }
    return {
      ...options,
      signal,
      timeoutMs: Math.max(1, this.scope.remainingMs()),
      placement: joinPlacements(options.placement, joinPlacements(own, placement)),
    }
  }

  #bodyOf(): object {
    const { body } = this.#init
    if (!this.#chain || this.#model === undefined) return body
    const { models: _, ...rest } = body as { readonly models?: unknown }
    return { ...rest, model: this.#model }
  }

  #decide(): void {
    this.#model ??= this.#answering
    this.#decision.resolve()
  }
}

function* range(from: number, to: number): Generator<number, void, void> {
  for (let item = from; item < to; item++) yield item
}
