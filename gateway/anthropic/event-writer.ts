import type { ChatChunk, InferenceError, OpenAiUsage } from '../../protocol/index.ts'
import { type DialectWriter, isCutShort, PieceReader } from '../answering/index.ts'
import {
  errorBody,
  exceededLength,
  skeinField,
  sse,
  type VerificationSummary,
} from '../http/index.ts'
import { Blocks } from './blocks.ts'
import { anthropicError } from './error-body.ts'
import {
  type MessageHead,
  messageObject,
  messageUsageOf,
  NOT_OFFERED,
  stopOf,
  usageOf,
} from './message-object.ts'

export interface EventWriterInit {
  /** The model as the caller named it, until the one that answers is known. */
  readonly head: MessageHead
  readonly requestId: string
  /** Estimated prompt tokens, until the engine's count arrives at the end. */
  readonly estimatedTokens: number
}

/** Writes a streamed answer as the events of a message. */
export class EventWriter implements DialectWriter<ChatChunk> {
  readonly #init: EventWriterInit
  readonly #pieces = new PieceReader()
  readonly #blocks = new Blocks()

  constructor(init: EventWriterInit) {
    this.#init = init
  }

  begin(first: ChatChunk | undefined): string {
    const { head, estimatedTokens } = this.#init
    const message = messageObject({ ...head, model: first?.model ?? head.model }, [], {
      stop: { stop_reason: null, stop_sequence: null },
      usage: messageUsageOf({
        prompt_tokens: estimatedTokens,
        completion_tokens: 0,
        total_tokens: estimatedTokens,
      }),
    })
    return write([{ type: 'message_start', message }]) + PING
  }

  take(chunk: ChatChunk): string {
    return write(this.#pieces.take(chunk).flatMap((piece) => this.#blocks.take(piece)))
  }

  end(usage: OpenAiUsage, verification: VerificationSummary | undefined): string {
    const { finishReason, stopReason } = this.#pieces
    this.#blocks.isCut = isCutShort(finishReason)
    const events = this.#pieces.end().flatMap((piece) => this.#blocks.take(piece))
    events.push(...this.#blocks.end())
    const delta = { ...stopOf(finishReason, stopReason, this.#blocks.content), ...NOT_OFFERED }
    return write([
      ...events,
      { type: 'message_delta', delta, usage: usageOf(usage), ...skeinField(verification) },
      { type: 'message_stop' },
    ])
  }

  fail(failure: InferenceError): string {
    const { requestId } = this.#init
    const body = anthropicError(errorBody(failure).error, {
      status: failure.traits.status,
      requestId,
      length: exceededLength(failure),
    })
    return sse(body, 'error')
  }
}

/** Keeps a connection alive. */
export const PING: string = sse({ type: 'ping' }, 'ping')

interface MessageEvent {
  readonly type: string
  readonly [field: string]: unknown
}

function write(events: readonly MessageEvent[]): string {
  return events.map((event) => sse(event, event.type)).join('')
}
