import {
  type Chunk,
  type Done,
  InferenceError,
  LIMITS,
  type ScoredToken,
  type ScoreResponse,
} from '../../protocol/index.ts'
import { type AnswerChunk, hasDelta, type WireRequest } from '../request/index.ts'
import { parseChunk, readChunk } from './chunk.ts'
import { FormCheck } from './form-check.ts'
import { FORM_LIMITS } from './limits.ts'

/** Template, tools and images add tokens beyond the request's bytes; a higher count is not credible. */
const MAX_ADDED_PROMPT_TOKENS = 262_144

/** Rounding in engines can give a little above 0. */
const MAX_LOGPROB = 1e-3

/** Checks one answer from its first chunk to its end and rejects what no well-behaved peer sends. */
export class AnswerCheck {
  readonly #request: WireRequest
  readonly #finished = new Set<number>()
  readonly #received = new Set<number>()
  readonly #form: FormCheck | undefined
  /** The current chunk has no token ids. */
  #isBare: boolean = true
  #empty = 0
  #dimensions: number | undefined
  #nextSeq = 0
  #scored: boolean = false

  /** @param resumed the beginning of the answer, of which the peer sends only the rest */
  constructor(request: WireRequest, resumed = '') {
    this.#request = request
    this.#form = request.form && new FormCheck(request.form, resumed)
    this.#dimensions = request.dimensions
  }

  /** @throws InferenceError `malformed` */
  chunk(frame: Chunk): AnswerChunk {
    if (frame.seq !== this.#nextSeq) {
      throw malformed(`chunk ${frame.seq} came where ${this.#nextSeq} was due`)
    }
    this.#nextSeq += 1
    this.#form?.tokenIds(frame.tokenIds.length, this.#request.choices)
    this.#isBare = frame.tokenIds.length === 0
    if (frame.logprobs.some((logprob) => !(logprob <= MAX_LOGPROB))) {
      throw malformed('a log probability that cannot be')
    }
    return this.#take(parseChunk(this.#request.kind, frame.json))
  }

  /** A chunk that did not arrive in a frame. @throws InferenceError `malformed` */
  value(json: object): AnswerChunk {
    return this.#take(readChunk(this.#request.kind, json))
  }

  /** Counts an empty piece or frame. @throws InferenceError `malformed` if there are too many */
  nothing(): void {
    this.#empty += 1
    if (this.#empty > FORM_LIMITS.maxEmptyPieces) throw malformed('nothing but empty pieces')
  }

  /** Whether every requested choice has its finish reason. */
  get finished(): boolean {
    return this.#request.choices > 0 && this.#finished.size >= this.#request.choices
  }

  #take(chunk: AnswerChunk): AnswerChunk {
    if (chunk.kind === 'embedding') this.#item(chunk.item)
    else if (chunk.kind === 'score') this.#scores(chunk)
    else this.#choices(chunk)
    return chunk
  }

  /** @throws InferenceError `truncated` if a requested part is missing, `malformed` for an impossible usage */
  done({ usage }: Pick<Done, 'usage'>): void {
    const { choices, inputs, rated, body } = this.#request
    if (rated !== undefined && !this.#scored) {
      throw new InferenceError('truncated', 'the scores never came')
    }
    if (this.#finished.size < choices) {
      throw new InferenceError('truncated', 'the answer ended without a finish reason')
    }
    if (this.#received.size < inputs) {
      throw new InferenceError(
        'truncated',
        `the peer sent ${this.#received.size} of ${inputs} embeddings`,
      )
    }
    if (
      usage.cachedPromptTokens > usage.promptTokens ||
      usage.promptTokens > body.length + MAX_ADDED_PROMPT_TOKENS ||
      usage.completionTokens > Math.max(1, choices) * LIMITS.maxTokenIds
    ) {
      throw malformed('an impossible usage')
    }
  }

  #item({ index, embedding }: { readonly index: number; readonly embedding: readonly number[] }) {
    if (index >= this.#request.inputs) throw malformed('an embedding of nothing')
    if (this.#received.has(index)) throw malformed('an embedding came twice')
    this.#dimensions ??= embedding.length
    if (embedding.length !== this.#dimensions) throw malformed('embeddings of the wrong size')
    this.#received.add(index)
  }

  #scores({ scores, end }: ScoreResponse): void {
    const { rated = [] } = this.#request
    const fits = rated.every(([position, id], at) => {
      const score = scores[at]
      return score?.position === position && score.id === id && isDescending(score.top)
    })
    if (this.#scored || !fits || scores.length !== rated.length || !isDescending(end?.top ?? [])) {
      throw malformed('scores of something else')
    }
    this.#scored = true
  }

  #choices(chunk: Extract<AnswerChunk, { kind: 'chat' | 'completion' }>): void {
    for (const choice of chunk.choices) {
      if (choice.index >= this.#request.choices) throw malformed('a choice that was not requested')
      const says = 'delta' in choice ? hasDelta(choice) : choice.text !== ''
      if (this.#finished.has(choice.index) && (says || choice.finish_reason !== null)) {
        throw malformed('a choice went on after its end')
      }
      if (!says && choice.finish_reason === null && this.#isBare) this.nothing()
      this.#form?.choice(choice)
      if (choice.finish_reason !== null) this.#finished.add(choice.index)
    }
  }
}

/**
 * Checks a peer's failure. `context_too_long` must give both numbers, and plausible ones, as other peers are chosen by
 * them. `not_resumable` is valid only for a resume. A fault in the resume is not a fault in the request.
 */
export function checkFailure(
  error: InferenceError,
  request: WireRequest,
  resumes: boolean,
): InferenceError {
  // An internal fault of the peer. The code `internal` is reserved for faults of this process.
  if (error.code === 'internal') {
    return new InferenceError('engine_failed', `the peer failed: ${error.message}`, {
      cause: error,
    })
  }
  if (error.code === 'not_resumable' && !resumes) return malformed('nothing was to be resumed')
  // The token ids are not in the peer's vocabulary: the caller and the request are not at fault.
  if (resumes && error.code === 'invalid_request' && error.details.param === 'resume') {
    return new InferenceError('not_resumable', error.message, { cause: error })
  }
  if (!InferenceError.is(error, 'context_too_long')) return error
  const { promptTokens, contextLength } = error.details
  const possible =
    promptTokens !== undefined &&
    contextLength !== undefined &&
    promptTokens <= request.body.length + MAX_ADDED_PROMPT_TOKENS
  return possible ? error : malformed('too long a context, without its numbers')
}

function malformed(what: string): InferenceError {
  return new InferenceError('malformed', `malformed answer: ${what}`)
}

function isDescending(tokens: readonly ScoredToken[]): boolean {
  return tokens.every(({ logprob }, at) => logprob <= (tokens[at - 1]?.logprob ?? Infinity))
}
