import type { Answer, RequestEvent } from '../../client/index.ts'
import { type ChatChunk, defined, InferenceError } from '../../protocol/index.ts'
import { differenceOf } from './exactness.ts'
/** A prompt with a known correct answer. */
export interface Question {
  readonly prompt: string
  readonly answer: string
}

/** What an engine that counts is asked, and has to say. */
export function counting(from: number, to: number): Question {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  return { prompt: `Count from ${from} to ${to}.`, answer: `${numbers.join(', ')}.` }
}

/** Outcome of one request. `wrong` is the worst: an incorrect answer without an error. */
export interface Outcome {
  readonly verdict: 'exact' | 'failed' | 'wrong'
  readonly text: string
  readonly error?: InferenceError
  readonly event?: RequestEvent
  readonly startedAt: number
  readonly endedAt: number
}

/** What came of many. */
export interface Tally {
  readonly requests: number
  readonly failed: number
  readonly wrong: number
  readonly resumes: number
  readonly lost: number
  readonly doubled: number
  /** From the loss of the serving peer to the next piece at the caller. */
  readonly recoveryMs: readonly number[]
  /** How many of each code. */
  readonly errors: Readonly<Record<string, number>>
  /** The first few failures with every attempt, for diagnosis. */
  readonly failures: readonly string[]
}

const MAX_EXPLAINED = 5

interface Live {
  peerId: string
  lostAt: number | undefined
}

/** Reads answers, holds each against the right one, and times how long each loss of a peer was felt. */
export class Watch {
  readonly outcomes: Outcome[] = []
  readonly #live = new Set<Live>()
  readonly #recoveryMs: number[] = []
  #lost = 0
  #doubled = 0
  #resumes = 0

  /**
   * Never rejects.
   *
   * @param onText called after each piece with the text so far and the peer that sent it
   */
  async read(
    answer: Answer<ChatChunk>,
    { answer: right }: Question,
    onText: (text: string, peerId: string) => void = () => {},
  ): Promise<Outcome> {
    const startedAt = performance.now()
    const live: Live = { peerId: '', lostAt: undefined }
    this.#live.add(live)
    let text = ''
    let error: InferenceError | undefined
    try {
      for await (const { choices, skein } of answer) {
        const piece = choices[0]?.delta.content ?? ''
        if (piece === '') continue
        text += piece
        this.#heard(live, skein.peerId)
        onText(text, skein.peerId)
      }
    } catch (cause) {
      error = InferenceError.from(cause)
    }
    this.#live.delete(live)
    const { lost, doubled } = differenceOf(right, text, error === undefined ? 'complete' : 'failed')
    this.#lost += lost
    this.#doubled += doubled
    this.#resumes += answer.event?.resumes ?? 0
    const exact = lost === 0 && doubled === 0
    const outcome: Outcome = {
      verdict: !exact ? 'wrong' : error === undefined ? 'exact' : 'failed',
      text,
      startedAt,
      endedAt: performance.now(),
      ...defined({ error, event: answer.event }),
    }
    this.outcomes.push(outcome)
    return outcome
  }

  /** The peer is gone, or silent, from now on. */
  lost(peerId: string): void {
    for (const live of this.#live) if (live.peerId === peerId) live.lostAt ??= performance.now()
  }

  tally(): Tally {
    const count = (verdict: Outcome['verdict']): number =>
      this.outcomes.filter((outcome) => outcome.verdict === verdict).length
    const errors: Record<string, number> = {}
    for (const { error } of this.outcomes) {
      if (error === undefined) continue
      errors[error.code] = (errors[error.code] ?? 0) + 1
    }
    return {
      requests: this.outcomes.length,
      failed: count('failed'),
      wrong: count('wrong'),
      resumes: this.#resumes,
      lost: this.#lost,
      doubled: this.#doubled,
      recoveryMs: this.#recoveryMs,
      errors,
      failures: this.outcomes.flatMap(explained).slice(0, MAX_EXPLAINED),
    }
  }

  #heard(live: Live, peerId: string): void {
    if (live.lostAt !== undefined) {
      // What the lost peer had sent before may still come.
      if (peerId === live.peerId) return
      this.#recoveryMs.push(performance.now() - live.lostAt)
      live.lostAt = undefined
    }
    live.peerId = peerId
  }
}

function explained({ error, event }: Outcome): readonly string[] {
  if (error === undefined) return []
  const attempts = (event?.attempts ?? []).map(
    ({ reason, startedMs, durationMs, outcome, tokens, message = '' }) =>
      `${reason} at ${Math.round(startedMs)} ms for ${Math.round(durationMs)} ms: ${outcome}, ${tokens} tokens, ${message}`,
  )
  return [[`${error.code}: ${error.message}`, ...attempts].join('\n  ')]
}
