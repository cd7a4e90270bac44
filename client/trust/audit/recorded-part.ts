import type { FinishReason } from '../../../protocol/index.ts'
import {
  type AnswerEvent,
  type Candidate,
  reasoningText,
  shownAnswer,
} from '../../request/index.ts'
import type { TextRun } from './shown-text.ts'

/** Max text without ids, in addition to what stop strings hold back: a few incomplete characters. */
const MAX_HELD_BACK = 32

/** A contiguous part of an answer from one peer. */
export class RecordedPart {
  readonly candidate: Candidate
  /** Its engine continued from the previous token ids, with the same weights and template. */
  readonly follows: boolean
  readonly tokenIds: number[] = []
  readonly logprobs: number[] = []
  /** The tokens as spelled in the `logprobs` of the answer. */
  readonly spelled: string[] = []
  /** In some chunk the number of log probabilities differs from the number of tokens. */
  unpaired: boolean = false
  finish: FinishReason | undefined
  readonly #runs: { kind: TextRun['kind']; texts: string[] }[] = []
  /** UTF-16 code units displayed without a token id. */
  #withoutIds = 0

  constructor(candidate: Candidate, follows: boolean) {
    this.candidate = candidate
    this.follows = follows
  }

  take({
    chunk,
    tokenIds = [],
    logprobs = [],
  }: Extract<AnswerEvent, { readonly type: 'chunk' }>): void {
    // A frame may hold more ids than a call takes arguments.
    for (const id of tokenIds) this.tokenIds.push(id)
    for (const logprob of logprobs) this.logprobs.push(logprob)
    this.unpaired ||= logprobs.length > 0 && logprobs.length !== tokenIds.length
    const reasoning = reasoningText(chunk)
    const answer = shownAnswer(chunk)
    this.#show('reasoning', reasoning)
    this.#show('answer', answer)
    if (tokenIds.length === 0) this.#withoutIds += answer.length
    if (chunk.kind !== 'chat' && chunk.kind !== 'completion') return
    this.finish ??= chunk.choices[0]?.finish_reason ?? undefined
    if (chunk.kind === 'completion') return
    const content = chunk.choices[0]?.logprobs?.content ?? []
    for (const { token } of content) this.spelled.push(token)
  }

  get runs(): readonly TextRun[] {
    return this.#runs.map(({ kind, texts }) => ({ kind, text: texts.join('') }))
  }

  /** The answer without reasoning. */
  get text(): string {
    return this.runs.map(({ kind, text }) => (kind === 'answer' ? text : '')).join('')
  }

  /**
   * Whether all displayed text has token ids. Text that was held back for a stop string may lack them, also text that the
   * previous peer held back.
   *
   * @param stops stop strings of the request
   * @param isFirst the part is the first one of the answer
   */
  hasAllIds(stops: readonly string[], isFirst: boolean): boolean {
    if (!this.candidate.model.capabilities.includes('token_ids')) return this.#withoutIds === 0
    const hasNone = this.tokenIds.length === 0
    const shown = this.runs.reduce((total, { text }) => total + text.length, 0)
    if (hasNone && isFirst) return shown === 0
    const withoutIds = hasNone ? shown : this.#withoutIds
    return withoutIds <= MAX_HELD_BACK + 2 * Math.max(0, ...stops.map((stop) => stop.length))
  }

  #show(kind: TextRun['kind'], text: string): void {
    if (text === '') return
    const last = this.#runs.at(-1)
    if (last?.kind === kind) last.texts.push(text)
    else this.#runs.push({ kind, texts: [text] })
  }
}
