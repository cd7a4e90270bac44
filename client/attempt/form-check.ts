import { type ChatChunkChoice, type CompletionChunk, InferenceError } from '../../protocol/index.ts'
import type { AnswerForm, JsonForm } from '../request/index.ts'
import { parseAnswerJson } from './answer-json.ts'
import { CallCheck } from './call-check.ts'
import { FORM_LIMITS as LIMITS } from './limits.ts'

type Choice = ChatChunkChoice | CompletionChunk['choices'][number]

const NO_LOGPROBS: readonly number[] = []

interface Progress {
  bytes: number
  pieces: number
  logprobs: number
  /** Text of a JSON answer. */
  text: string
  refuses: boolean
  readonly calls: CallCheck
}

/** Checks an answer against the form that its request asks for. A mismatch is the peer's fault. */
export class FormCheck {
  readonly #form: AnswerForm
  readonly #resumed: string
  readonly #choices = new Map<number, Progress>()
  #ids = 0

  /** @param resumed the beginning of the answer, of which the peer sends only the rest */
  constructor(form: AnswerForm, resumed: string) {
    this.#form = form
    this.#resumed = resumed.trimStart()
  }

  /** @throws InferenceError `malformed` for more token ids than all choices may have together */
  tokenIds(count: number, choices: number): void {
    const { maxTokens } = this.#form
    this.#ids += count
    if (maxTokens !== undefined && this.#ids > choices * (maxTokens + LIMITS.spareTokens)) {
      throw malformed(`more than ${choices * maxTokens} tokens`)
    }
  }

  /** @throws InferenceError `malformed` */
  choice(choice: Choice): void {
    const progress = this.#progressOf(choice.index)
    if ('delta' in choice) this.#calls(choice, progress)
    this.#logprobs(choice, progress)
    this.#length(choice, progress)
    this.#json(choice, progress)
  }

  #progressOf(index: number): Progress {
    const known = this.#choices.get(index)
    if (known !== undefined) return known
    const calls = new CallCheck(this.#form)
    const text = this.#resumed
    const progress = { bytes: 0, pieces: 0, logprobs: 0, text, refuses: false, calls }
    this.#choices.set(index, progress)
    return progress
  }

  #calls({ delta, finish_reason }: ChatChunkChoice, progress: Progress): void {
    const { functions } = this.#form
    const calls = delta.tool_calls ?? []
    const ends = finish_reason === 'tool_calls'
    if (functions.size === 0 && (calls.length > 0 || ends)) {
      throw malformed('a tool call, where the request allows none')
    }
    for (const { function: called } of calls) {
      const name = called?.name ?? ''
      if (name !== '' && !functions.has(name)) {
        throw malformed('a call of a function that the request does not offer')
      }
    }
    progress.calls.add(calls)
    if (finish_reason === 'tool_calls' || finish_reason === 'stop') progress.calls.end()
  }

  #logprobs(choice: Choice, progress: Progress): void {
    const lists = logprobsOf(choice)
    if (lists.length === 0) return
    const { alternatives, maxTokens } = this.#form
    if (alternatives === undefined) throw malformed('log probabilities that were not requested')
    // Some engines list the chosen token along with its alternatives.
    if (lists.some((count) => count > alternatives + 1)) {
      throw malformed(`more than ${alternatives} alternatives for a token`)
    }
    progress.logprobs += lists.length
    if (maxTokens === undefined || this.#form.echoedBytes > 0) return
    if (progress.logprobs > maxTokens + LIMITS.spareTokens) {
      throw malformed(`log probabilities of more than ${maxTokens} tokens`)
    }
  }

  /** Bounds the bytes and pieces, as tokens without ids cannot be counted. */
  #length(choice: Choice, progress: Progress): void {
    progress.bytes += bytesOf(choice)
    progress.pieces += 1
    const { maxTokens, echoedBytes } = this.#form
    if (maxTokens === undefined) return
    const maxBytes = echoedBytes + LIMITS.spareBytes + maxTokens * LIMITS.bytesPerToken
    const maxPieces = LIMITS.sparePieces + maxTokens * LIMITS.piecesPerToken
    if (progress.bytes > maxBytes || progress.pieces > maxPieces) {
      throw malformed(`far more than ${maxTokens} tokens`)
    }
  }

  #json(choice: Choice, progress: Progress): void {
    const { json } = this.#form
    if (json === undefined || !('delta' in choice)) return
    const { content, refusal, tool_calls: calls } = choice.delta
    if ((refusal ?? '') !== '' || (calls ?? []).length > 0) progress.refuses = true
    const begun = progress.text !== ''
    progress.text = begun ? progress.text + (content ?? '') : (content ?? '').trimStart()
    if (progress.text.length > LIMITS.maxJsonLength) throw malformed('more JSON than an answer has')
    // Detected before the caller has seen any of it, so that another peer can be asked.
    if (!begun && progress.text !== '' && !beginsAsJson(progress.text, json)) {
      throw malformed('text where the request asks for JSON')
    }
    if (choice.finish_reason === 'stop' && !progress.refuses && !fits(progress.text, json)) {
      throw malformed('text that is not the JSON that the request asks for')
    }
  }
}

function beginsAsJson(text: string, { isObject }: JsonForm): boolean {
  return isObject ? text.startsWith('{') : /^[[{"\-0-9tfn]/.test(text)
}

function fits(text: string, { isObject, required }: JsonForm): boolean {
  const parsed = parseAnswerJson(text)
  if (parsed === undefined) return false
  if (!isObject) return true
  const { value } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return required.every((name) => Object.hasOwn(value, name))
}

/** The number of alternatives for each token. */
function logprobsOf(choice: Choice): readonly number[] {
  if ('delta' in choice) {
    const content = choice.logprobs?.content
    return content ? content.map(({ top_logprobs: top }) => top?.length ?? 0) : NO_LOGPROBS
  }
  if (!choice.logprobs) return NO_LOGPROBS
  const { tokens, top_logprobs: top } = choice.logprobs
  return tokens.map((_, at) => Object.keys(top?.[at] ?? {}).length)
}

function bytesOf(choice: Choice): number {
  if (!('delta' in choice)) return Buffer.byteLength(choice.text)
  const { content, reasoning_content: reasoning, refusal, tool_calls: calls = [] } = choice.delta
  let bytes = byteLength(content) + byteLength(reasoning) + byteLength(refusal)
  for (const { function: called } of calls) {
    bytes += byteLength(called?.name) + byteLength(called?.arguments)
  }
  return bytes
}

function byteLength(text: string | null | undefined): number {
  return text ? Buffer.byteLength(text) : 0
}

function malformed(what: string): InferenceError {
  return new InferenceError('malformed', `malformed answer: ${what}`)
}
