import { InferenceError } from '../../protocol/index.ts'
import { type Clock, followSignal } from '../../timing/index.ts'
import type { AttemptEvent, AttemptInit, AttemptSource } from '../attempt/index.ts'
import {
  type AnswerPiece,
  type AttemptNote,
  type Candidate,
  isEnd,
  tokensOf,
} from '../request/index.ts'
import type { ResumeLease } from './budget/index.ts'
import type { Choice } from './choice.ts'
import { Credit } from './credit.ts'
import { drawsOnBudget } from './failures.ts'
import { PrefillPace } from './prefill-pace.ts'

/** Created once: cancelling attempts is routine, and a stack trace would add nothing. */
const OVERTAKEN = new InferenceError('cancelled', 'another attempt was faster')

/** A message from an attempt to the dispatcher. */
export type AttemptMessage =
  | { readonly type: 'chosen'; readonly choice: Choice }
  | {
      readonly type: 'event'
      readonly event: AttemptEvent
      /** The wait before it; 0 for what arrived together with another. */
      readonly gapMs: number
      /** Further pieces arrived with it. */
      readonly hasMore: boolean
    }
  | { readonly type: 'failed'; readonly error: unknown }

export interface AttemptWork {
  readonly choose: (signal: AbortSignal) => Promise<{ choice: Choice; lease?: ResumeLease }>
  /** Counts the attempt towards its peer's load until disposed. */
  readonly enter: (choice: Choice) => Disposable
  readonly prepare: (choice: Choice) => AttemptInit
  readonly send: (message: AttemptMessage) => void
}

/** One running attempt: chooses its peer, reads on once it has a credit for each piece and sends messages to the dispatcher. */
export class AttemptRun {
  readonly id: number
  /** Started while other attempts were running. */
  readonly concurrent: boolean
  /** Started to continue a begun answer. */
  readonly continues: boolean
  /** Tokens of the answer before this attempt's part. */
  tokensBefore: number
  /** Pieces that have not been delivered yet. */
  readonly held: AnswerPiece[] = []
  readonly #clock: Clock
  readonly #source: AttemptSource
  readonly #credit = new Credit()
  readonly #controller = new AbortController()
  #hasEnded: boolean = false
  choice: Choice | undefined
  lease: ResumeLease | undefined
  note: AttemptNote | undefined
  /** Digest of the weights in use; empty if unknown. */
  digest: string = ''
  /** When it counts as overdue if no piece has come. */
  overdueAtMs: number = Number.POSITIVE_INFINITY
  readonly prefill: PrefillPace = new PrefillPace()
  /** Time spent waiting between pieces after the first. */
  decodeMs: number = 0
  done: Extract<AttemptEvent, { type: 'done' }> | undefined

  constructor(
    init: Pick<AttemptRun, 'concurrent' | 'continues' | 'id' | 'tokensBefore'> & {
      readonly clock: Clock
      readonly source: AttemptSource
    },
  ) {
    this.#clock = init.clock
    this.#source = init.source
    this.id = init.id
    this.concurrent = init.concurrent
    this.continues = init.continues
    this.tokensBefore = init.tokensBefore
  }

  get candidate(): Candidate | undefined {
    return this.choice?.candidate
  }

  /** Never rejects; a failure is sent as a message. */
  async run(
    { choose, enter, prepare, send }: AttemptWork,
    options: { readonly signal: AbortSignal },
  ): Promise<void> {
    const { signal } = this.#controller
    using _following = followSignal(options.signal, this.#stop)
    try {
      const { choice, lease } = await choose(signal)
      this.choice = choice
      this.lease = lease
      using _counted = enter(choice)
      send({ type: 'chosen', choice })
      let askedAt = this.#clock.now()
      for await (const events of this.#source(prepare(choice), { signal })) {
        const pieces = events.filter(({ type }) => type === 'chunk').length
        let left = pieces
        let gapMs = this.#clock.now() - askedAt
        for (const event of events) {
          if (event.type === 'chunk') left -= 1
          send({ type: 'event', event, gapMs, hasMore: left > 0 })
          if (event.type !== 'chunk') continue
          gapMs = 0
          // What follows the pieces follows once they were taken.
          if (left === 0) await this.#credit.take(pieces)
        }
        askedAt = this.#clock.now()
      }
    } catch (error) {
      if (InferenceError.is(error) && !drawsOnBudget(error)) this.lease?.succeeded()
      send({ type: 'failed', error })
    } finally {
      this.#hasEnded = true
      this.lease?.failed()
    }
  }

  /** Records a piece. @returns whether it counts as the beginning of the answer: empty pieces of a peer do not */
  received(piece: AnswerPiece, gapMs: number): boolean {
    const { note } = this
    if (note === undefined) return false
    note.tokens += tokensOf(piece)
    if (note.ttftMs !== undefined) this.decodeMs += gapMs
    const resumes = this.choice?.resume !== undefined
    const counts = piece.visible || (resumes && (piece.tokenIds.length > 0 || isEnd(piece)))
    if (counts) note.ttftMs ??= note.elapsedMs
    return counts
  }

  /** Gives credit for one piece. */
  readNext(): void {
    this.#credit.grant()
  }

  /** Has no effect on one that has ended. */
  cancel(): void {
    if (!this.#hasEnded) this.#stop(OVERTAKEN)
  }

  readonly #stop = (reason: unknown): void => {
    this.#controller.abort(reason)
    this.#credit.stop(reason)
  }
}
