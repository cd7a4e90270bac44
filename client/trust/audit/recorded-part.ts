import type { FinishReason } from '../../../protocol/index.ts'
import {
  type AnswerEvent,
  type Candidate,
  reasoningText,
  shownAnswer,
} from '../../request/index.ts'
import type { Run } from './shown-text.ts'

/** Text that may come without ids, beside what stop strings hold back: a few characters that were not finished. */
const MAX_HELD_BACK = 32

/** What one peer sent of an answer, in one go. */
export class RecordedPart {
  readonly candidate: Candidate
  /** Its engine went on from the tokens before, and would read them as whoever wrote them. */
  readonly follows: boolean
  readonly tokenIds: number[] = []
  readonly logprobs: number[] = []
  /** Tokens as the peer spelled them beside their log probabilities. */
  readonly spelled: string[] = []
  /** Some piece had another number of log probabilities than of tokens. */
  unpaired: boolean = false
  finish: FinishReason | undefined
  readonly #runs: { kind: Run['kind']; texts: string[] }[] = []
  /** UTF-16 code units shown beside no token. */
  #untold = 0

  constructor(candidate: Candidate, follows: boolean) {
    this.candidate = candidate
    this.follows = follows
  }

  take({
    chunk,
    tokenIds = [],
    logprobs = [],
  }: Extract<AnswerEvent, { readonly type: 'chunk' }>): void {
    this.tokenIds.push(...tokenIds)
    this.logprobs.push(...logprobs)
    this.unpaired ||= logprobs.length > 0 && logprobs.length !== tokenIds.length
    const reasoning = reasoningText(chunk)
    const answer = shownAnswer(chunk)
    this.#show('reasoning', reasoning)
    this.#show('answer', answer)
    if (tokenIds.length === 0) this.#untold += answer.length
    if (chunk.kind !== 'chat' && chunk.kind !== 'completion') return
    this.finish ??= chunk.choices[0]?.finish_reason ?? undefined
    if (chunk.kind === 'completion') return
    const content = chunk.choices[0]?.logprobs?.content ?? []
    this.spelled.push(...content.map(({ token }) => token))
  }

  get runs(): readonly Run[] {
    return this.#runs.map(({ kind, texts }) => ({ kind, text: texts.join('') }))
  }

  /** The answer without reasoning. */
  get text(): string {
    return this.runs.map(({ kind, text }) => (kind === 'answer' ? text : '')).join('')
  }

  /**
   * Whether the ids are those of all that was shown. Text that was held back for a stop string, at the beginning for the
   * peer before, comes without.
   *
   * @param stops of the request
   * @param isFirst nobody wrote before it
   */
  tellsIds(stops: readonly string[], isFirst: boolean): boolean {
    if (!this.candidate.model.capabilities.includes('token_ids')) return this.#untold === 0
    const hasNone = this.tokenIds.length === 0
    const shown = this.runs.reduce((total, { text }) => total + text.length, 0)
    if (hasNone && isFirst) return shown === 0
    const untold = hasNone ? shown : this.#untold
    return untold <= MAX_HELD_BACK + 2 * Math.max(0, ...stops.map((stop) => stop.length))
  }

  #show(kind: Run['kind'], text: string): void {
    if (text === '') return
    const last = this.#runs.at(-1)
    if (last?.kind === kind) last.texts.push(text)
    else this.#runs.push({ kind, texts: [text] })
  }
}
