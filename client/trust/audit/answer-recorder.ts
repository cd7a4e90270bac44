import type { AnswerRequest, ScoreRequest } from '../../../protocol/index.ts'
import {
  type AnswerEvent,
  type Candidate,
  type PeerReport,
  shownAnswer,
  type Unrated,
} from '../../request/index.ts'
import { specClassOf } from '../reputation/index.ts'
import type { AnswerPart, AuditSubject } from './audit-subject.ts'
import type { FreeCheckInput } from './free-checks.ts'
import { ratable, stopsOf } from './ratable.ts'
import { RecordedPart } from './recorded-part.ts'
import type { TextRun } from './shown-text.ts'

/** Records an answer as evidence, so that it can be rated once it is complete. */
export class AnswerRecorder {
  readonly #request: AnswerRequest
  readonly #asked: ScoreRequest['request'] | undefined
  readonly #temperature: number
  readonly #stops: readonly string[]
  readonly #trusted: ReadonlySet<string> | undefined
  #parts: RecordedPart[] = []
  readonly #isContinued: boolean
  /** Part of the answer came from a provider, whose tokens are unknown. */
  #isForeign: boolean

  /**
   * @param trusted peers that may see the request, and so the answer
   * @param isContinued the answer began elsewhere, with tokens that are unknown here
   */
  constructor(
    request: AnswerRequest,
    trusted: ReadonlySet<string> | undefined,
    isContinued: boolean = false,
  ) {
    this.#trusted = trusted
    this.#isContinued = isContinued
    this.#isForeign = isContinued
    this.#request = request
    this.#asked = ratable(request)
    this.#stops = stopsOf(request)
    // Without a temperature the engine chooses. 1 is the most common default, and the most lenient for the test.
    this.#temperature = request.kind === 'embedding' ? 0 : (request.body.temperature ?? 1)
  }

  record(event: AnswerEvent): void {
    if (event.type === 'restart') {
      this.#parts = []
      this.#isForeign = this.#isContinued
    }
    if (event.type !== 'chunk') return
    const { candidate, chunk, afterText = false } = event
    if (candidate === undefined) this.#isForeign ||= shownAnswer(chunk) !== ''
    else this.#partOf(candidate, afterText).take(event)
  }

  #partOf(candidate: Candidate, afterText: boolean): RecordedPart {
    const last = this.#parts.at(-1)
    const follows =
      !this.#isForeign && !afterText && (last === undefined || this.#agree(last, candidate))
    const isSame = last?.candidate.key === candidate.key && last.follows === follows
    if (last !== undefined && isSame && last.candidate.model.id === candidate.model.id) return last
    const part = new RecordedPart(candidate, follows)
    this.#parts.push(part)
    return part
  }

  /** Whether both read the token ids and the prompt in the same way. */
  #agree({ candidate: { model }, follows }: RecordedPart, next: Candidate): boolean {
    if (!follows) return false
    const isChat = this.#request.kind === 'chat'
    return isChat
      ? specClassOf(model) === specClassOf(next.model)
      : (model.digest ?? model.id) === (next.model.digest ?? next.model.id)
  }

  #hasAllIds(part: RecordedPart): boolean {
    return part.hasAllIds(this.#stops, part.follows && part === this.#parts[0])
  }

  /**
   * The input of the free checks for each part.
   *
   * @param report absent if a provider or the client itself ended the answer
   */
  inputs(report?: PeerReport): readonly FreeCheckInput[] {
    const { body } = this.#request
    return this.#parts.map((part, at) => {
      const { candidate, tokenIds, logprobs, unpaired, spelled, text } = part
      const isLast = at === this.#parts.length - 1
      return {
        candidate,
        tokenIds,
        logprobs,
        unpaired,
        text,
        request: () => JSON.stringify(body),
        isFirst: at === 0 && !this.#isContinued,
        hasAllIds: this.#asked === undefined || this.#hasAllIds(part),
        spelled: spelled.length > 0 ? spelled.join('') : undefined,
        report: isLast && report?.candidate.key === candidate.key ? report : undefined,
      }
    })
  }

  /** Why the answer cannot be rated completely; undefined if it can. */
  get unratable(): Unrated | undefined {
    if (this.#asked === undefined) return 'request'
    const isWhole = this.#parts.every((part) => part.follows && this.#hasAllIds(part))
    if (!isWhole || this.#isForeign) return 'no-token-ids'
    return this.#parts.some(({ tokenIds }) => tokenIds.length > 0) ? undefined : 'too-short'
  }

  /** The part of the answer that can be rated, from its start; undefined if no part can. */
  get subject(): AuditSubject | undefined {
    const asked = this.#asked
    const parts: AnswerPart[] = []
    const tokenIds: number[] = []
    let runs: readonly TextRun[] = []
    for (const part of this.#parts) {
      // From here on tokens may not directly follow the previous ones.
      if (!part.follows || !this.#hasAllIds(part)) break
      const { candidate, finish } = part
      runs = joined(runs, part.runs)
      const from = tokenIds.length
      for (const id of part.tokenIds) tokenIds.push(id)
      const to = tokenIds.length
      const shown = { runs, isComplete: finish !== undefined }
      if (to > from) parts.push({ candidate, from, to, shown, finish })
    }
    if (asked === undefined || parts.length === 0) return undefined
    return {
      asked,
      tokenIds,
      parts,
      stops: this.#stops,
      temperature: this.#temperature,
      sampling: this.#request.kind === 'embedding' ? undefined : this.#request.body,
      trusted: this.#trusted,
    }
  }
}

function joined(before: readonly TextRun[], after: readonly TextRun[]): readonly TextRun[] {
  const last = before.at(-1)
  const [first, ...rest] = after
  if (last === undefined || first?.kind !== last.kind) return [...before, ...after]
  return [...before.slice(0, -1), { kind: last.kind, text: last.text + first.text }, ...rest]
}
