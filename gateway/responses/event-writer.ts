import type { ChatChunk, InferenceError, OpenAiUsage } from '../../protocol/index.ts'
import { type DialectWriter, PieceReader } from '../answering/index.ts'
import { errorBody, sse, type VerificationSummary } from '../http/index.ts'
import { offeredTools } from './callable-tools.ts'
import { Output, type OutputEvent } from './output.ts'
import {
  cutShort,
  type ResponseHead,
  type ResponseState,
  responseObject,
} from './response-object.ts'

export interface EventWriterInit {
  readonly head: ResponseHead
  /** Suffix of the ids of its items. */
  readonly suffix: string
  /** Seconds since 1970. */
  readonly seconds: () => number
}

/** Writes a streamed answer as the events of a response, numbered from 0. */
export class EventWriter implements DialectWriter<ChatChunk> {
  readonly #init: EventWriterInit
  readonly #pieces = new PieceReader()
  readonly #output: Output
  #model: string
  #number = 0

  constructor(init: EventWriterInit) {
    this.#init = init
    this.#output = new Output(init.suffix, offeredTools(init.head.request.tools ?? []))
    this.#model = init.head.request.model
  }

  begin(first: ChatChunk | undefined): string {
    this.#model = first?.model ?? this.#model
    const response = this.#response({ status: 'in_progress' })
    return this.#write([
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ])
  }

  take(chunk: ChatChunk): string {
    this.#model = chunk.model
    return this.#write(this.#pieces.take(chunk).flatMap((piece) => this.#output.take(piece)))
  }

  end(usage: OpenAiUsage, verification: VerificationSummary | undefined): string {
    const { finishReason } = this.#pieces
    const isWhole = cutShort(finishReason) === undefined
    const events = this.#pieces.end().flatMap((piece) => this.#output.take(piece))
    events.push(...this.#output.end(isWhole ? 'completed' : 'incomplete'))
    const completedAt = this.#init.seconds()
    const ended = { status: 'ended', finishReason, usage, completedAt, verification } as const
    const response = this.#response(ended)
    events.push({ type: isWhole ? 'response.completed' : 'response.incomplete', response })
    return this.#write(events)
  }

  /** Sends `response.failed`, which agents look for, and `error`, which makes the SDKs throw. */
  fail(failure: InferenceError): string {
    const { error } = errorBody(failure)
    const { code, message, param } = error
    this.#output.end('incomplete')
    const response = this.#response({
      status: 'failed',
      error: { code: CODES[failure.code] ?? 'server_error', message },
      verification: failure.detailsOf('verification_failed').verification,
    })
    return this.#write([
      { type: 'response.failed', response },
      { type: 'error', code, message, param, error },
    ])
  }

  #response(state: ResponseState): object {
    return responseObject(this.#init.head, this.#model, this.#output.items, state)
  }

  #write(events: readonly OutputEvent[]): string {
    return events
      .map(({ type, ...event }) => {
        const text = sse({ type, sequence_number: this.#number, ...event }, type)
        this.#number += 1
        return text
      })
      .join('')
  }
}

/** OpenAI's codes for a failed response, if there is one. */
const CODES: Readonly<Partial<Record<InferenceError['code'], string>>> = {
  rate_limited: 'rate_limit_exceeded',
  context_too_long: 'context_length_exceeded',
  invalid_request: 'invalid_prompt',
}
