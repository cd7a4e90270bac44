import type { Answer, ServedChunk } from '../../client/index.ts'
import type { InferenceError } from '../../protocol/index.ts'
import type { DialectWriter } from '../answering/index.ts'
import { errorBody, skeinField, sse } from '../http/index.ts'
import { inCustomForm } from './custom-tools.ts'
import { type Choices, inOpenAiShape } from './logprobs.ts'

/** What the caller asked to see beside the text. */
export interface EventOptions {
  /** `stream_options.include_usage` */
  readonly withUsage: boolean
  /** `x-skein-show-peers`: each chunk names the peer that wrote it. */
  readonly withPeers: boolean
  /** Names of custom tools, whose calls come in one piece. @default none */
  readonly custom?: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

interface Used {
  readonly usage?: unknown
}

/**
 * Writes a streamed answer as OpenAI's events. A failure after the first byte is an `error` in the stream without
 * `[DONE]`, which makes the SDKs throw.
 */
export class EventWriter<T extends Choices> implements DialectWriter<T & ServedChunk> {
  readonly #answer: Answer<T>
  readonly #withUsage: boolean
  readonly #withPeers: boolean
  readonly #custom: ReadonlySet<string>

  constructor(answer: Answer<T>, { withUsage, withPeers, custom = NONE }: EventOptions) {
    this.#answer = answer
    this.#withUsage = withUsage
    this.#withPeers = withPeers
    this.#custom = custom
  }

  begin(): string {
    return ''
  }

  /** With `include_usage` every chunk has a usage, null except in the last, which also has the verification. */
  take(chunk: T & ServedChunk): string {
    const { verification, peerId } = chunk.skein
    const verified = skeinField(verification).skein
    // Fields that are undefined are not written.
    const skein = this.#withPeers ? { ...verified, peer_id: peerId } : verified
    const shown: T & Used = inOpenAiShape(inCustomForm(chunk, this.#custom))
    const usage = this.#withUsage ? (shown.usage ?? null) : shown.usage
    return sse({ ...shown, skein, usage })
  }

  end(): string {
    return `${this.#summary()}${sse('[DONE]')}`
  }

  fail(failure: InferenceError): string {
    return sse(errorBody(failure))
  }

  /** How the answer was produced, as a comment that clients skip. */
  #summary(): string {
    const { event } = this.#answer
    if (event === undefined) return ''
    const { attempts, resumes, exact, durationMs, verification } = event
    const ended = { attempts: attempts.length, resumes, exact, durationMs: Math.round(durationMs) }
    return `: skein ${JSON.stringify({ ...ended, ...skeinField(verification).skein })}\n\n`
  }
}
