import type {
  ChatChunk,
  CompletionChunk,
  FinishReason,
  InferenceError,
  OpenAiUsage,
} from '../../protocol/index.ts'
import {
  type ContentPiece,
  completionPieces,
  type DialectWriter,
  isCutShort,
  PieceReader,
} from '../answering/index.ts'
import { errorBody, type VerificationSummary } from '../http/index.ts'
import { ollamaError } from './error-body.ts'
import { type LineContent, LineContents, type LineForm, lineOf } from './lines.ts'

export interface LineWriterInit {
  readonly form: LineForm
  /** As the caller named it, until the one that answers is known. */
  readonly model: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds since the request came. */
  readonly elapsed: () => number
}

/** Writes a streamed answer as lines of JSON. */
export class LineWriter implements DialectWriter<ChatChunk | CompletionChunk> {
  readonly #init: LineWriterInit
  readonly #pieces = new PieceReader()
  readonly #contents = new LineContents()
  #finishReason: FinishReason = 'stop'
  #model: string
  #promptMs: number | undefined

  constructor(init: LineWriterInit) {
    this.#init = init
    this.#model = init.model
  }

  begin(): string {
    return ''
  }

  take(chunk: ChatChunk | CompletionChunk): string {
    this.#model = chunk.model
    this.#promptMs ??= this.#init.elapsed()
    return this.#write(this.#read(chunk).flatMap((piece) => this.#contents.take(piece)))
  }

  end(usage: OpenAiUsage, verification: VerificationSummary | undefined): string {
    this.#contents.isCut = isCutShort(this.#finishReason)
    const rest = this.#pieces.end().flatMap((piece) => this.#contents.take(piece))
    const totalMs = this.#init.elapsed()
    const reason = this.#finishReason
    const end = { reason, usage, totalMs, promptMs: this.#promptMs ?? totalMs, verification }
    const last = lineOf(this.#head(), {}, end)
    return `${this.#write([...rest, ...this.#contents.end()])}${line(last)}`
  }

  fail(failure: InferenceError): string {
    const about = { status: failure.traits.status, requestId: '' }
    return line(ollamaError(errorBody(failure).error, about))
  }

  /** An empty line of an answer, because the format has no comments. */
  keepAlive(): string {
    return this.#write([{}])
  }

  #read(chunk: ChatChunk | CompletionChunk): ContentPiece[] {
    for (const { finish_reason } of chunk.choices)
      this.#finishReason = finish_reason ?? this.#finishReason
    return chunk.object === 'text_completion' ? completionPieces(chunk) : this.#pieces.take(chunk)
  }

  #head(): Parameters<typeof lineOf>[0] {
    return { form: this.#init.form, model: this.#model, now: this.#init.now() }
  }

  #write(contents: readonly LineContent[]): string {
    return contents.map((content) => line(lineOf(this.#head(), content))).join('')
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}
