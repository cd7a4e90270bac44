import { createHash, type Hash } from 'node:crypto'
import { type Done, InferenceError, matchesDigest, type NodeFrame } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import { isVisible } from '../request/index.ts'
import { AnswerCheck, checkFailure } from './answer-check.ts'
import type { AttemptEvent, AttemptInit } from './attempt-source.ts'

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
        this.#reportAnswer(frame)
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

  #reportAnswer({ usage }: Done): void {
    if (this.#hash === undefined) return
    const answerHash = new Uint8Array(this.#hash.digest())
    const durationMs = this.#clock.now() - this.#startedMs
    this.#init.onAnswered?.({ attemptId: this.#attemptId, usage, answerHash, durationMs })
  }

  #needAccepted(): void {
    if (!this.#accepted) throw new InferenceError('malformed', 'an answer before it was accepted')
  }
}
