import type { AnswerRequest, ScoreRequest } from '../../protocol/index.ts'
import type { AnswerChunk } from '../attempt/index.ts'
import type { Candidate } from '../directory/index.ts'
import type { DispatchEvent, Told } from '../dispatch/index.ts'
import type { Seen } from './free-checks.ts'
import type { Unrated } from './verification.ts'

/** The part of an answer that one peer wrote. */
export interface Testimony {
  readonly candidate: Candidate
  /** Its places among the answer's tokens, from … to before. */
  readonly from: number
  readonly to: number
}

/** An answer that can be rated: what was asked, and who wrote which tokens. */
export interface Subject {
  readonly asked: ScoreRequest['request']
  readonly tokenIds: readonly number[]
  readonly parts: readonly Testimony[]
  readonly temperature: number
  /** Peers that may see it. @default all */
  readonly trusted?: ReadonlySet<string>
}

/** Listens to an answer, so that it can be rated once it is complete. */
export class Witness {
  readonly #asked: ScoreRequest['request'] | undefined
  readonly #temperature: number
  readonly #trusted: ReadonlySet<string> | undefined
  #tokenIds: number[] = []
  #parts: { candidate: Candidate; from: number; to: number }[] = []
  #complete: boolean = true
  /** Of the last peer's part. */
  #last = newPart('')
  readonly #request: AnswerRequest

  /** @param trusted peers that may see the request, and so the answer */
  constructor(request: AnswerRequest, trusted: ReadonlySet<string> | undefined) {
    this.#trusted = trusted
    this.#request = request
    this.#asked = ratable(request)
    // Where none is given the engine chooses; one is what most choose, and the least strict.
    this.#temperature = request.kind === 'embedding' ? 0 : (request.body.temperature ?? 1)
  }

  hear(event: DispatchEvent): void {
    this.#notePart(event)
    if (event.type === 'restart') {
      this.#tokenIds = []
      this.#parts = []
      this.#complete = true
      return
    }
    if (event.type !== 'chunk' || this.#asked === undefined || !this.#complete) return
    const { candidate, tokenIds = [] } = event
    const told = candidate !== undefined && tokenIds.length > 0
    if (!told) {
      // Text whose tokens are not told cannot be rated, nor can what comes after it.
      this.#complete = !saysSomething(event.chunk)
      return
    }
    const from = this.#tokenIds.length
    const to = from + tokenIds.length
    this.#tokenIds.push(...tokenIds)
    const last = this.#parts.at(-1)
    if (last?.candidate.key === candidate.key) last.to = to
    else this.#parts.push({ candidate, from, to })
  }

  /** What can be checked without asking anybody. Absent where a provider, or the client itself, ended the answer. */
  seen(told: Told | undefined): Seen | undefined {
    if (told === undefined || told.candidate.key !== this.#last.peer) return undefined
    const { texts, spelled, tokenIds, logprobs, unpaired } = this.#last
    return {
      ...{ told, tokenIds, logprobs, unpaired, text: texts.join('') },
      ...(spelled.length > 0 && { spelled: spelled.join('') }),
      request: JSON.stringify(this.#request.body),
    }
  }

  #notePart(event: DispatchEvent): void {
    if (event.type === 'restart') this.#last = newPart('')
    if (event.type !== 'chunk' || event.candidate === undefined) return
    if (event.candidate.key !== this.#last.peer) this.#last = newPart(event.candidate.key)
    const { chunk, tokenIds = [], logprobs = [] } = event
    this.#last.tokenIds.push(...tokenIds)
    this.#last.logprobs.push(...logprobs)
    this.#last.unpaired ||= logprobs.length > 0 && logprobs.length !== tokenIds.length
    this.#last.texts.push(textOf(chunk))
    if (chunk.kind !== 'chat') return
    const content = chunk.choices[0]?.logprobs?.content ?? []
    this.#last.spelled.push(...content.map(({ token }) => token))
  }

  /** Why the answer cannot be rated; nothing where it can. */
  get unratable(): Unrated | undefined {
    if (this.#asked === undefined) return 'request'
    if (!this.#complete) return 'no-token-ids'
    return this.#parts.length === 0 ? 'too-short' : undefined
  }

  /** Absent where the answer cannot be rated. */
  get subject(): Subject | undefined {
    const asked = this.#asked
    if (asked === undefined || !this.#complete || this.#parts.length === 0) return undefined
    return {
      asked,
      tokenIds: this.#tokenIds,
      parts: this.#parts,
      temperature: this.#temperature,
      ...(this.#trusted !== undefined && { trusted: this.#trusted }),
    }
  }
}

/**
 * What was asked, less how it was to be drawn. A grammar, a bias or a penalty make a model write what it would not, so
 * that its tokens prove nothing; tools and images need an engine of the same make.
 */
function ratable(request: AnswerRequest): ScoreRequest['request'] | undefined {
  if (request.kind === 'embedding') return undefined
  const { body } = request
  const bent =
    body.logit_bias || body.presence_penalty || body.frequency_penalty || body.min_p === 1
  const repeat = body.repeat_penalty ?? 1
  if (bent || repeat !== 1) return undefined
  if (request.kind === 'completion') {
    const { model, prompt } = request.body
    return request.body.echo === true ? undefined : { kind: 'completion', body: { model, prompt } }
  }
  const { model, messages, tools, response_format: format } = request.body
  const isPlain = (tools ?? []).length === 0 && (format?.type ?? 'text') === 'text'
  const isText = messages.every(
    ({ content, tool_calls }) => !hasImage(content) && (tool_calls ?? []).length === 0,
  )
  return isPlain && isText ? { kind: 'chat', body: { model, messages } } : undefined
}

function hasImage(content: unknown): boolean {
  return Array.isArray(content) && content.some((part: { type?: string }) => part.type !== 'text')
}

function saysSomething(chunk: AnswerChunk): boolean {
  return textOf(chunk) !== ''
}

/** Everything that it shows, calls of tools included. */
function textOf(chunk: AnswerChunk): string {
  if (chunk.kind === 'completion') return chunk.choices.map(({ text }) => text).join('')
  if (chunk.kind !== 'chat') return ''
  return chunk.choices.map(({ delta }) => delta.content ?? '').join('')
}

interface Part {
  readonly peer: string
  readonly texts: string[]
  readonly spelled: string[]
  readonly tokenIds: number[]
  readonly logprobs: number[]
  unpaired: boolean
}

function newPart(peer: string): Part {
  return { peer, texts: [], spelled: [], tokenIds: [], logprobs: [], unpaired: false }
}
