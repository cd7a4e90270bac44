import { InferenceError } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { AttemptEvent, AttemptInit, AttemptSource } from '../attempt/index.ts'
import type { AttemptNote, Candidate, Piece } from '../request/index.ts'
import type { ResumeLease } from './budget/index.ts'
import { Credit } from './credit.ts'
import type { Choice } from './selection.ts'

/** Made once: each answer cancels attempts, and a stack trace would say nothing. */
const OVERTAKEN = new InferenceError('cancelled', 'another attempt was faster')

/** What an attempt tells the dispatcher. */
export type LaneMessage =
  | { readonly type: 'chosen'; readonly choice: Choice }
  | { readonly type: 'event'; readonly event: AttemptEvent; readonly gapMs: number }
  | { readonly type: 'failed'; readonly error: unknown }

export interface LaneWork {
  readonly choose: (signal: AbortSignal) => Promise<{ choice: Choice; lease?: ResumeLease }>
  /** Counts the attempt at its peer until disposed. */
  readonly enter: (choice: Choice) => Disposable
  readonly attempt: (choice: Choice) => AttemptInit
  readonly tell: (message: LaneMessage) => void
}

/** One attempt at work: chooses its peer, reads it one piece at a time as far as there is credit, and tells. */
export class LaneRun {
  readonly id: number
  /** Begun while others ran. */
  readonly beside: boolean
  /** Tokens of the answer that came before this part of it. */
  readonly tokensBefore: number
  /** Pieces that nobody has seen yet. */
  readonly held: Piece[] = []
  readonly #clock: Clock
  readonly #source: AttemptSource
  readonly #credit = new Credit()
  readonly #controller = new AbortController()
  /** Set as soon as it is chosen, so that nobody else chooses the same. */
  choice: Choice | undefined
  lease: ResumeLease | undefined
  note: AttemptNote | undefined
  /** Of the weights at work, as far as it is known. */
  digest: string = ''
  /** Waiting between pieces after the first. */
  decodeMs: number = 0
  done: Extract<AttemptEvent, { type: 'done' }> | undefined

  constructor(
    init: Pick<LaneRun, 'beside' | 'id' | 'tokensBefore'> & {
      readonly clock: Clock
      readonly source: AttemptSource
    },
  ) {
    this.#clock = init.clock
    this.#source = init.source
    this.id = init.id
    this.beside = init.beside
    this.tokensBefore = init.tokensBefore
  }

  get candidate(): Candidate | undefined {
    return this.choice?.candidate
  }

  /** Never rejects; what went wrong is told. */
  async run(
    { choose, enter, attempt, tell }: LaneWork,
    options: { readonly signal: AbortSignal },
  ): Promise<void> {
    const signal = AbortSignal.any([options.signal, this.#controller.signal])
    try {
      const { choice, lease } = await choose(signal)
      this.lease = lease
      using _counted = enter(choice)
      tell({ type: 'chosen', choice })
      let askedAt = this.#clock.now()
      for await (const event of this.#source(attempt(choice), { signal })) {
        tell({ type: 'event', event, gapMs: this.#clock.now() - askedAt })
        if (event.type === 'chunk') await this.#credit.take(signal)
        askedAt = this.#clock.now()
      }
    } catch (error) {
      // Nobody worked for a dial that failed.
      if (InferenceError.is(error, 'dial_failed')) this.lease?.succeeded()
      tell({ type: 'failed', error })
    } finally {
      this.lease?.failed()
    }
  }

  /** Lets it read one more piece. */
  readOn(): void {
    this.#credit.grant()
  }

  cancel(): void {
    this.#controller.abort(OVERTAKEN)
  }
}
