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
import type { Run } from './shown-text.ts'
/** Listens to an answer, so that it can be rated once it is complete. */
export class AnswerRecorder {
  readonly #request: AnswerRequest
  readonly #asked: ScoreRequest['request'] | undefined
  readonly #temperature: number
  readonly #stops: readonly string[]
  readonly #trusted: ReadonlySet<string> | undefined
  #parts: RecordedPart[] = []
  /** What came from elsewhere has no tokens that are known. */
  #isForeign: boolean = false

  /** @param trusted peers that may see the request, and so the answer */
  constructor(request: AnswerRequest, trusted: ReadonlySet<string> | undefined) {
    this.#trusted = trusted
    this.#request = request
    this.#asked = ratable(request)
    this.#stops = stopsOf(request)
    // Where none is given the engine chooses; one is what most choose, and the least strict.
    this.#temperature = request.kind === 'embedding' ? 0 : (request.body.temperature ?? 1)
  }

  record(event: AnswerEvent): void {
    if (event.type === 'restart') {
      this.#parts = []
      this.#isForeign = false
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

  /** Whether one reads the ids, and what came before them, as the other does. */
  #agree({ candidate: { model }, follows }: RecordedPart, next: Candidate): boolean {
    if (!follows) return false
    const isChat = this.#request.kind === 'chat'
    return isChat
      ? specClassOf(model) === specClassOf(next.model)
      : (model.digest ?? model.id) === (next.model.digest ?? next.model.id)
  }

  #tellsIds(part: RecordedPart): boolean {
    return part.tellsIds(this.#stops, part.follows && part === this.#parts[0])
  }

  /**
   * What can be checked without asking anybody, of each peer.
   *
   * @param report absent where a provider, or the client itself, ended the answer
   */
  inputs(report?: PeerReport): readonly FreeCheckInput[] {
    const request = JSON.stringify(this.#request.body)
    return this.#parts.map((part, at) => {
      const { candidate, tokenIds, logprobs, unpaired, spelled, text } = part
      const isLast = at === this.#parts.length - 1
      return {
        ...{ candidate, tokenIds, logprobs, unpaired, text, request },
        isFirst: at === 0,
        tellsIds: this.#asked === undefined || this.#tellsIds(part),
        ...(spelled.length > 0 && { spelled: spelled.join('') }),
        ...(isLast && report?.candidate.key === candidate.key && { report }),
      }
    })
  }

  /** Why not all of the answer can be rated; nothing where it can. */
  get unratable(): Unrated | undefined {
    if (this.#asked === undefined) return 'request'
    const isWhole = this.#parts.every((part) => part.follows && this.#tellsIds(part))
    if (!isWhole || this.#isForeign) return 'no-token-ids'
    return this.#parts.some(({ tokenIds }) => tokenIds.length > 0) ? undefined : 'too-short'
  }

  /** As far as the answer can be rated; absent where nothing of it can. */
  get subject(): AuditSubject | undefined {
    const asked = this.#asked
    const parts: AnswerPart[] = []
    const tokenIds: number[] = []
    let runs: readonly Run[] = []
    for (const part of this.#parts) {
      // Neither its tokens nor those after it are known to be next to those before.
      if (!part.follows || !this.#tellsIds(part)) break
      const { candidate, finish } = part
      runs = joined(runs, part.runs)
      const from = tokenIds.length
      tokenIds.push(...part.tokenIds)
      const to = tokenIds.length
      const shown = { runs, isComplete: finish !== undefined }
      if (to > from) parts.push({ candidate, from, to, shown, ...(finish && { finish }) })
    }
    if (asked === undefined || parts.length === 0) return undefined
    return {
      ...{ asked, tokenIds, parts, stops: this.#stops },
      temperature: this.#temperature,
      ...(this.#request.kind !== 'embedding' && { drawing: this.#request.body }),
      ...(this.#trusted !== undefined && { trusted: this.#trusted }),
    }
  }
}

function joined(before: readonly Run[], after: readonly Run[]): readonly Run[] {
  const last = before.at(-1)
  const [first, ...rest] = after
  if (last === undefined || first?.kind !== last.kind) return [...before, ...after]
  return [...before.slice(0, -1), { kind: last.kind, text: last.text + first.text }, ...rest]
}
