import type { AnswerRequest, Timings } from '../../protocol/index.ts'
import {
  type AnswerChunk,
  type AnswerEvent,
  type AnswerPiece,
  finishChunk,
  isVisible,
  type Journal,
  type PeerReport,
  type RequestLimits,
  type ResumeMode,
  shownBytes,
  shownText,
  tokensOf,
} from '../request/index.ts'
import type { AttemptRun } from './attempt-run.ts'
import { callerUsage } from './caller-usage.ts'
import { type Continuation, continuationOf } from './continuation.ts'
import { RepetitionDetector } from './repetition-detector.ts'
import { Transcript } from './transcript.ts'
export interface DeliveryInit {
  readonly request: AnswerRequest
  readonly resume: ResumeMode
  readonly limits: Pick<RequestLimits, 'maxRepeatedChunks'>
  readonly journal: Journal
  readonly delivered?: readonly AnswerChunk[]
}

const NO_TIMINGS: Timings = { queueMs: 0, prefillMs: 0, decodeMs: 0 }

/** The events for the caller, and a record of what the caller has received. */
export class Delivery {
  readonly #init: DeliveryInit
  readonly #out: AnswerEvent[] = []
  #repetition: RepetitionDetector
  #transcript = new Transcript()
  #shownBytes = 0
  #afterText: boolean

  constructor(init: DeliveryInit) {
    this.#init = init
    this.#afterText = init.delivered !== undefined
    this.#repetition = new RepetitionDetector(init.limits.maxRepeatedChunks)
    for (const chunk of init.delivered ?? []) {
      const piece = { chunk, visible: isVisible(chunk), tokenIds: [], logprobs: [] }
      this.#transcript.take(piece, false)
      this.#shownBytes += shownBytes(chunk)
    }
  }

  /** Removes and returns the events that the caller has not received yet. */
  take(): AnswerEvent[] {
    return this.#out.splice(0)
  }

  get tokens(): number {
    return this.#transcript.tokens
  }

  /** How the answer could continue from here. */
  continuation(): Continuation {
    const { request, resume } = this.#init
    return continuationOf(request, this.#transcript, resume)
  }

  /** Records that this attempt continues an answer that another began. */
  handOver({ choice }: AttemptRun): void {
    const { journal } = this.#init
    journal.resumes += 1
    if (choice?.exact === true) return
    journal.exact = false
    this.#afterText = true
    this.#transcript.forgetIds()
  }

  /** @returns whether the answer repeats itself */
  piece({ note, candidate }: AttemptRun, piece: AnswerPiece): boolean {
    if (note === undefined || candidate === undefined) return false
    const { chunk, visible } = piece
    note.deliveredTokens += tokensOf(piece)
    this.#transcript.take(piece, candidate.model.capabilities.includes('token_ids'))
    this.#shownBytes += shownBytes(chunk)
    if (visible) this.#init.journal.delivered()
    const { tokenIds, logprobs } = piece
    const tokens = { tokenIds, logprobs, ...(this.#afterText && { afterText: true }) }
    this.#out.push({ type: 'chunk', peerId: candidate.key, chunk, candidate, ...tokens })
    const text = shownText(chunk)
    return text !== '' && this.#repetition.push(text)
  }

  /** Discards what was delivered so far. */
  restart(): void {
    this.#transcript = new Transcript()
    this.#repetition = new RepetitionDetector(this.#init.limits.maxRepeatedChunks)
    this.#shownBytes = 0
    this.#afterText = false
    this.#init.journal.exact = true
    this.#out.push({ type: 'restart' })
  }

  /** @param attempt the attempt that sent the last part; without its `done` the client ends the answer itself */
  end(attempt: AttemptRun | undefined, estimatedPromptTokens: number): void {
    const { request, journal } = this.#init
    const { candidate, done, tokensBefore = 0 } = attempt ?? {}
    const peerId = candidate?.key ?? ''
    const continuation = this.continuation()
    if (done === undefined && continuation.type === 'ended' && continuation.finishReason) {
      const chunk = finishChunk(request.kind, continuation.finishReason)
      this.#out.push({ type: 'chunk', peerId, chunk })
    }
    const usage = callerUsage(done?.usage, this.#transcript, {
      tokensBefore,
      shownBytes: this.#shownBytes,
      estimatedPromptTokens,
    })
    journal.usage = usage
    journal.usageEstimated = done === undefined
    const timings = done?.timings ?? NO_TIMINGS
    const report = attempt === undefined ? undefined : reportOf(attempt)
    this.#out.push({ type: 'done', peerId, usage, timings, ...(report && { report }) })
  }
}

function reportOf({
  candidate,
  done,
  note,
  digest,
  tokensBefore,
}: AttemptRun): PeerReport | undefined {
  if (candidate === undefined || done === undefined || note === undefined) return undefined
  const { usage } = done
  return { candidate, usage, digest, tokensBefore, elapsedMs: note.elapsedMs }
}
