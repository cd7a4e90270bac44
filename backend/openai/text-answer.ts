import { InferenceError, type Timings } from '../../protocol/index.ts'
import type { BackendChunk, BackendDone, BackendModel, InferOptions } from '../backend.ts'
import { channelled } from '../channels/index.ts'
import type { ReadChunk } from '../chat-choices.ts'
import { continued, type RepeatedStartInit } from '../continuation/index.ts'
import { type TextRequest, wantsLogprobs } from '../request-fields.ts'
import { type AnswerSummary, emptySummary, readEvent, type Shape } from './answer-stream.ts'

export interface TextAnswerInit {
  readonly model: BackendModel
  readonly onProgress?: InferOptions['onProgress']
  /** What an API may send again of the answer that it continues. @default nothing */
  readonly start?: RepeatedStartInit | undefined
  /** Whether an answer is continued as a final assistant message. */
  readonly asMessage: boolean
  /** Milliseconds, monotonic. */
  readonly now: () => number
}

/** Reads one streamed answer, record by record. */
export class TextAnswer {
  readonly #init: TextAnswerInit
  readonly #shape: Shape
  readonly #summary: AnswerSummary = emptySummary()
  readonly #channels: ReadChunk
  readonly #continued: ReadChunk | undefined
  readonly #startedAt: number
  #firstAt: number | undefined

  constructor(request: TextRequest, init: TextAnswerInit) {
    const { model, start, now } = init
    this.#init = init
    this.#shape = {
      kind: request.kind,
      model: model.id,
      withLogprobs: wantsLogprobs(request),
      withTokenIds: model.capabilities.includes('token_ids'),
    }
    this.#channels = channelled(model.id)
    this.#continued = start && continued(start)
    this.#startedAt = now()
  }

  /** @returns undefined for a record that adds nothing yet. @throws InferenceError */
  read(record: string): BackendChunk | undefined {
    const sent = readEvent(record, this.#shape, this.#summary, this.#init.onProgress)
    const told = sent && this.#channels(sent)
    const chunk = told && this.#continued !== undefined ? this.#continued(told) : told
    if (chunk !== undefined) this.#firstAt ??= this.#init.now()
    return chunk
  }

  /** The end of the answer. @throws InferenceError `engine_failed` if the engine has not ended it */
  done(): BackendDone {
    const { finish, pieces, usage } = this.#summary
    if (finish === undefined) {
      throw new InferenceError(
        'engine_failed',
        'the engine ended its answer without a finish reason',
      )
    }
    return {
      type: 'done',
      usage: usage ?? { promptTokens: 0, completionTokens: pieces, cachedPromptTokens: 0 },
      timings: this.#summary.timings ?? this.#measured(),
      ...(this.#init.asMessage && { asMessage: true }),
    }
  }

  #measured(): Omit<Timings, 'queueMs'> {
    const firstAt = this.#firstAt ?? this.#startedAt
    return {
      prefillMs: Math.round(firstAt - this.#startedAt),
      decodeMs: Math.round(this.#init.now() - firstAt),
    }
  }
}
