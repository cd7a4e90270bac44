import type { AnswerRequest, Timings } from '../../protocol/index.ts'
import {
  type AnswerChunk,
  type AnswerEvent,
  type AnswerPiece,
  type Candidate,
  type DeliveredChunk,
  finishChunk,
  isVisible,
  type Journal,
  type PeerReport,
  type RequestLimits,
  type ResumeMode,
  shownBytes,
  shownText,
  type ToolCallDelivery,
  tokensOf,
} from '../request/index.ts'
import type { AttemptRun } from './attempt-run.ts'
import { callerUsage } from './caller-usage.ts'
import { type Continuation, continuationOf } from './continuation.ts'
import { HeldCalls } from './held-calls.ts'
import { RepetitionDetector } from './repetition-detector.ts'
import { Transcript } from './transcript.ts'
export interface DeliveryInit {
  readonly request: AnswerRequest
  readonly resume: ResumeMode
  readonly toolCalls: ToolCallDelivery
  readonly limits: Pick<RequestLimits, 'maxRepeatedChunks'>
  readonly journal: Journal
  readonly delivered?: readonly DeliveredChunk[]
}

const NO_TOKENS = { tokenIds: [], logprobs: [] }
const NO_TIMINGS: Timings = { queueMs: 0, prefillMs: 0, decodeMs: 0 }

/** The events for the caller, and a record of what the caller has received. */
export class Delivery {
  readonly #init: DeliveryInit
  #out: AnswerEvent[] = []
  readonly #calls = new HeldCalls()
  #heldTokens = 0
  /** Until the answer has repeated itself once: at a second peer the repetition is what the model has to say. */
  #repetition: RepetitionDetector | undefined
  #transcript = new Transcript()
  #shownBytes = 0
  #afterText: boolean

  constructor(init: DeliveryInit) {
    this.#init = init
    this.#afterText = init.delivered !== undefined
    this.#repetition = new RepetitionDetector(init.limits.maxRepeatedChunks)
    for (const { chunk, tokenIds } of init.delivered ?? []) {
      const piece = { chunk, visible: isVisible(chunk), tokenIds: tokenIds ?? [], logprobs: [] }
      this.#transcript.count(piece, tokenIds !== undefined)
      this.#transcript.show(chunk)
      this.#shownBytes += shownBytes(chunk)
    }
  }

  /** Removes and returns the events that the caller has not received yet. */
  take(): readonly AnswerEvent[] {
    const taken = this.#out
    if (taken.length > 0) this.#out = []
    return taken
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
  handOver(attempt: AttemptRun): void {
    const { journal } = this.#init
    const { resume, exact } = attempt.choice ?? {}
    journal.resumes += 1
    // A peer writes the calls of an answer from their start, also those that the prefix contains.
    this.#calls.drop()
    this.#heldTokens = 0
    if (resume === undefined) {
      this.#transcript = new Transcript()
    } else if (exact === true) {
      this.#afterText = false
    } else {
      journal.exact = false
      this.#afterText = true
      this.#transcript.continueFromText()
    }
    attempt.tokensBefore = this.#transcript.tokens
  }

  /** Has the tool calls written anew, whatever tokens they began with. */
  dropCalls(): void {
    this.#calls.drop()
    this.#heldTokens = 0
    this.#transcript.continueFromText()
  }

  /** @returns whether the answer repeats itself, at most once */
  piece({ note, candidate }: AttemptRun, piece: AnswerPiece): boolean {
    if (note === undefined || candidate === undefined) return false
    const hasIds = candidate.model.capabilities.includes('token_ids')
    const { chunk, tokenIds, logprobs } = piece
    const shown = this.#init.toolCalls === 'whole' ? this.#calls.pass(chunk) : [chunk]
    const isHeld = this.#calls.holds
    this.#transcript.count(piece, hasIds, isHeld)
    this.#heldTokens += tokensOf(piece)
    if (isHeld && !this.#transcript.begun) this.#out.push({ type: 'writing' })
    if (!isHeld) {
      note.deliveredTokens += this.#heldTokens
      this.#heldTokens = 0
    }
    for (const [at, part] of shown.entries()) {
      this.#transcript.show(part)
      this.#show(candidate, part, at === 0 ? { tokenIds, logprobs } : NO_TOKENS)
    }
    // Text that is held back may repeat itself as well.
    const text = shownText(chunk)
    if (text === '' || this.#repetition?.push(text) !== true) return false
    this.#repetition = undefined
    return true
  }

  #show(
    candidate: Candidate,
    chunk: AnswerChunk,
    tokens: Pick<AnswerPiece, 'tokenIds' | 'logprobs'>,
  ): void {
    this.#shownBytes += shownBytes(chunk)
    if (isVisible(chunk)) this.#init.journal.delivered()
    const more = { ...tokens, ...(this.#afterText && { afterText: true }) }
    this.#out.push({ type: 'chunk', peerId: candidate.key, chunk, candidate, ...more })
  }

  /** Discards what was delivered so far. */
  restart(): void {
    this.#transcript = new Transcript()
    this.#calls.drop()
    this.#heldTokens = 0
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
      const end = finishChunk(request.kind, continuation.finishReason)
      for (const chunk of [...this.#calls.rest(), end]) {
        this.#out.push({ type: 'chunk', peerId, chunk })
      }
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
