import type { AnswerEvent, Journal } from '../../client/request/index.ts'
import type { AnswerPart } from '../../client/trust/audit/audit-subject.ts'
import { kindOf } from './divergence.ts'
import type { Outcome } from './outcome.ts'
import { ASKED } from './sim-job.ts'

/** What the caller received for one request, as far as the figures depend on it. */
export class AnswerRecord {
  readonly #parts: AnswerPart[] = []
  readonly #tokenIds: number[] = []
  readonly #now: () => number
  readonly #startedMs: number
  #ttftMs = Number.NaN
  #gapMs = 0
  #lastMs = 0

  constructor(now: () => number) {
    this.#now = now
    this.#startedMs = now()
  }

  take(event: AnswerEvent): void {
    if (event.type !== 'chunk') return
    const { candidate, tokenIds = [] } = event
    if (candidate === undefined || tokenIds.length === 0) return
    const nowMs = this.#now()
    const from = this.#tokenIds.length
    this.#tokenIds.push(...tokenIds)
    const last = this.#parts.at(-1)
    if (last?.candidate === candidate) {
      this.#parts.splice(-1, 1, { candidate, from: last.from, to: this.#tokenIds.length })
    } else {
      if (last === undefined) this.#ttftMs = nowMs - this.#startedMs
      else this.#gapMs = Math.max(this.#gapMs, nowMs - this.#lastMs)
      this.#parts.push({ candidate, from, to: this.#tokenIds.length })
    }
    this.#lastMs = nowMs
  }

  outcome(code: Outcome['code'], { attempts }: Journal): Outcome {
    const answered = code === 'answered'
    const resumed = attempts.filter(({ reason }) => ['resume', 'stall', 'slow'].includes(reason))
    const subject =
      answered && this.#parts.length > 0
        ? { asked: ASKED, tokenIds: this.#tokenIds, parts: this.#parts, temperature: 0 }
        : undefined
    return {
      code,
      wrong: answered && this.#tokenIds.some((id) => kindOf(id) !== 'true'),
      ttftMs: this.#ttftMs,
      totalMs: this.#now() - this.#startedMs,
      attempts: attempts.length,
      resumes: resumed.length,
      gapMs: this.#gapMs,
      tokensWritten: attempts.reduce((sum, { tokens }) => sum + tokens, 0),
      peers: this.#parts.map(({ candidate }) => candidate.key),
      ...(subject !== undefined && { subject }),
    }
  }
}
