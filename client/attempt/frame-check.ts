import { createHash, type Hash } from 'node:crypto'
import { InferenceError, matchesDigest, type NodeFrame } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import { isVisible } from '../request/index.ts'
import { AnswerCheck, checkFailure } from './answer-check.ts'
import type { Answered, AttemptEvent, AttemptInit } from './attempt-source.ts'

/** Checks the order of frames: `accepted` once, then chunks, then one end. */
export class FrameCheck {
  readonly #init: AttemptInit
  readonly #answer: AnswerCheck
  readonly #attemptId: Uint8Array
  readonly #clock: Clock
  readonly #startedMs: number
  /** Only if a receipt is wanted. */
  readonly #hash: Hash | undefined
  #accepted: boolean = false
  #whole: Pick<Answered, 'durationMs' | 'usage'> | undefined

  constructor(init: AttemptInit, attemptId: Uint8Array, clock: Clock) {
    this.#init = init
    this.#clock = clock
    this.#startedMs = clock.now()
    this.#attemptId = attemptId
    this.#hash = init.onAnswered && createHash('sha256')
    this.#answer = new AnswerCheck(init.request, init.resume?.text)
  }

  /** @throws InferenceError the peer's failure; `malformed` */
  frame(frame: NodeFrame): AttemptEvent | undefined {
    switch (frame.type) {
      case 'accepted':
        return this.#accept(frame)
      case 'keepAlive': {
        this.#answer.nothing()
        const { progress } = frame
        return progress === undefined ? undefined : { type: 'progress', progress }
      }
      case 'chunk': {
        this.#needAccepted()
        const chunk = this.#answer.chunk(frame)
        this.#hash?.update(frame.json)
        const { tokenIds, logprobs } = frame
        return { type: 'chunk', chunk, visible: isVisible(chunk), tokenIds, logprobs }
      }
      case 'done':
        this.#needAccepted()
        this.#init.onLoad?.(frame.load)
        this.#answer.done(frame)
        this.#whole = { usage: frame.usage, durationMs: this.#clock.now() - this.#startedMs }
        return frame
      case 'failed':
        if (frame.load !== undefined) this.#init.onLoad?.(frame.load)
        throw checkFailure(frame.error, this.#init.request, this.#init.resume !== undefined)
      default:
        return frame satisfies never
    }
  }

  #accept(frame: Extract<NodeFrame, { type: 'accepted' }>): AttemptEvent {
    if (this.#accepted) throw new InferenceError('malformed', 'accepted twice')
    const digest = this.#init.request.digest ?? this.#init.digest
    if (digest !== undefined && !matchesDigest(frame.digest, digest)) {
      throw new InferenceError(
        'malformed',
        'the peer would answer with other weights than asked for',
      )
    }
    this.#accepted = true
    return frame
  }

  /** The consumer has taken the whole answer. Has no effect on one that is not whole. */
  taken(): void {
    if (this.#hash === undefined || this.#whole === undefined) return
    const answerHash = new Uint8Array(this.#hash.digest())
    this.#init.onAnswered?.({ attemptId: this.#attemptId, answerHash, ...this.#whole })
  }

  #needAccepted(): void {
    if (!this.#accepted) throw new InferenceError('malformed', 'an answer before it was accepted')
  }
}
