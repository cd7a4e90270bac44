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
import { isBusy } from './after-failure.ts'
import { SPLIT_LIMITS } from './limits.ts'
import { mergedEvent } from './merged-event.ts'
import { type PartEvent, runParts } from './run-parts.ts'
import { type Part, WorkQueue, type WorkQueueInit } from './work-queue.ts'

/** Dependencies of splitting. */
export interface SplitContext {
  readonly requester: Requester
  /** Default for calls. */
  readonly timeoutMs: number
  readonly random: () => number
  readonly clock: Clock
}

export interface SplitCallInit extends Pick<WorkQueueInit, 'copies' | 'take'> {
  readonly body: object
  readonly options: PlacedOptions
  /** Total number of items. */
  readonly count: number
  /** Items of the first part. With a chain, the model that answers it is used for all other parts. */
  readonly first: number
  /** When that model is decided: when its answer begins, or when it ends. */
  readonly decided: 'begun' | 'ended'
  readonly narrow?: Placement['narrow']
  /** Gets the attempts of each part when it ends. @default none */
  readonly attempts?: AttemptRecord[]
}

/** The request of one part. */
export interface PartCall {
  readonly part: Part
  /** The call's body, with a single model once the chain is decided. */
  readonly body: object
  readonly options: PlacedOptions
}

/** What every answered part reports. */
export interface PartAnswer {
  readonly attempts: readonly AttemptRecord[]
}

/** Items that failed for good, and their error. */
export interface FailedItems {
  readonly items: readonly number[]
  readonly error: InferenceError
}

/** One call whose items are spread over several requests. */
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
  /** The model that answers the first part. */
  #answering: string | undefined
  /** The model decided on. */
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

  /** The merged record of all parts. */
  event(end: Partial<Pick<RequestEvent, 'outcome' | 'usage'>> = {}): RequestEvent | undefined {
    const durationMs = this.#clock.now() - this.#started
    const { outcome = 'answered' } = end
    return mergedEvent(this.#events, { ...end, outcome, startedAt: this.#startedAt, durationMs })
  }

  /** Requests all parts. Ends when each item is answered or in `failed`. @throws the scope's reason */
  async *run<C, R extends PartAnswer>(
    ask: (call: PartCall, emit: (chunk: C) => Promise<void>) => Promise<R>,
  ): AsyncGenerator<PartEvent<C, R>, void, void> {
    const { requester, random } = this.#context
    const { count, first, take, copies, decided } = this.#init
    const model = modelOf(this.#init.body)
    const queue = new WorkQueue({
      slots: () => requester.slots(this.#model ?? model, this.#init.options.trusted),
      copies,
      random,
      maxTries: SPLIT_LIMITS.maxTries,
      ...(take !== undefined && {
        take: (next, concurrency, itemMs) =>
          this.#chain && this.#model === undefined ? next.length : take(next, concurrency, itemMs),
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
    const events = runParts<C, R>(
      {
        queue,
        run: (part, options, emit) =>
          ask({ part, body: this.#bodyOf(), options: this.#optionsOf(options) }, emit),
        feed: alone < count ? feed : undefined,
        clock: this.#clock,
        wasCrowded: ({ attempts }) => attempts.some(({ outcome }) => isBusy(outcome)),
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
   * Handles an error that ended the call. At the deadline, if some items are answered, the others become `failed`.
   *
   * @param answered the items that are answered
   * @throws the error otherwise
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
