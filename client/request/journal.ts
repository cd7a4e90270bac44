import {
  type AttemptReason,
  type AttemptRecord,
  defined,
  drawHex,
  type Progress,
  type Usage,
} from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import type { Agreement, Cost, RequestEvent, RunningAttempt } from './record.ts'
import type { RequestTrace } from './trace.ts'

interface AttemptAbout {
  readonly peerId: string
  readonly reason: AttemptReason
  readonly exact?: boolean
  readonly seam?: AttemptRecord['seam']
  readonly model?: string
}

/** The chain member that a journal belongs to. */
export interface MemberAbout {
  readonly model: string
  /** Whether another member was asked before. */
  readonly later: boolean
}

/** Notes on one attempt while it runs. */
export class AttemptNote {
  readonly peerId: string
  readonly reason: AttemptReason
  readonly startedAt: number
  readonly #journal: Journal
  readonly #model: string | undefined
  readonly #exact: boolean | undefined
  readonly #seam: AttemptRecord['seam']
  accepted: boolean = false
  superseded: boolean = false
  ttftMs: number | undefined
  /** What the node reported last before the first piece. */
  progress: Progress | undefined
  tokens: number = 0
  deliveredTokens: number = 0
  usage: Usage | undefined
  /** Its engine continued a final assistant message. */
  asMessage: boolean = false
  /** The relay's peer id, if the connection goes through one. */
  relay: string | undefined
  relayedBytes: number = 0
  path: 'webrtc' | undefined
  /** Of the attempt's span; absent if it is not recorded. */
  readonly spanId: string | undefined
  #ended: boolean = false

  constructor(journal: Journal, about: AttemptAbout) {
    this.#journal = journal
    this.startedAt = journal.clock.now()
    this.peerId = about.peerId
    this.reason = about.reason
    this.#exact = about.exact
    this.#seam = about.seam
    this.#model = about.model
    this.spanId = journal.trace?.spanId === undefined ? undefined : drawHex(8)
  }

  get elapsedMs(): number {
    return this.#journal.clock.now() - this.startedAt
  }

  get running(): RunningAttempt {
    return {
      peerId: this.peerId,
      ...(this.#model !== undefined && { model: this.#model }),
      reason: this.reason,
      startedMs: this.startedAt - this.#journal.startedAt,
      ...(this.ttftMs !== undefined && { ttftMs: this.ttftMs }),
      ...(this.ttftMs === undefined && this.progress && { progress: this.progress }),
      tokens: this.tokens,
      deliveredTokens: this.deliveredTokens,
    }
  }

  /** Records the end of the attempt. Only the first call counts. */
  end(outcome: AttemptRecord['outcome'], message?: string): void {
    if (this.#ended) return
    this.#ended = true
    this.superseded = outcome === 'superseded'
    this.#journal.ended(this, {
      peerId: this.peerId,
      ...(this.#model !== undefined && { model: this.#model }),
      reason: this.reason,
      startedMs: this.startedAt - this.#journal.startedAt,
      outcome,
      ...(this.ttftMs !== undefined && { ttftMs: this.ttftMs }),
      durationMs: this.elapsedMs,
      ...(this.ttftMs === undefined && this.progress && { progress: this.progress }),
      tokens: this.tokens,
      deliveredTokens: this.deliveredTokens,
      ...defined({ exact: this.#exact, seam: this.#joinedBy(), spanId: this.spanId }),
      ...(this.relay !== undefined && { relay: this.relay, relayedBytes: this.relayedBytes }),
      ...defined({ path: this.path }),
      ...(message !== undefined && { message }),
    })
  }

  #joinedBy(): AttemptRecord['seam'] {
    return this.#seam === 'text' && this.asMessage ? 'message' : this.#seam
  }
}

/** The history of one request: written while it runs, read after its end. */
export class Journal {
  readonly clock: Clock
  readonly startedAt: number
  /** In the order of their ends. */
  readonly attempts: AttemptRecord[]
  readonly #notes: AttemptNote[]
  readonly #begun: Set<AttemptNote>
  readonly #member: MemberAbout | undefined
  readonly #estimatedPromptTokens: number
  ttftMs: number | undefined
  resumes: number = 0
  exact: boolean = true
  usage: Usage | undefined
  usageEstimated: boolean = false
  agreement: Agreement | undefined
  /** The request was answered from the failure memory, without asking a peer. */
  remembered: boolean = false
  /** Set when the request ends. */
  record: RequestEvent | undefined
  /** Place of the request in a trace. */
  readonly trace: RequestTrace | undefined

  /** @param attempts gets each attempt when it ends */
  constructor(
    estimatedPromptTokens: number,
    attempts: AttemptRecord[],
    clock: Clock = systemClock,
    {
      member,
      trace,
    }: {
      readonly member?: { readonly whole: Journal; readonly about: MemberAbout }
      readonly trace?: RequestTrace | undefined
    } = {},
  ) {
    this.#estimatedPromptTokens = estimatedPromptTokens
    this.attempts = attempts
    this.#member = member?.about
    this.clock = clock
    this.trace = member?.whole.trace ?? trace
    this.startedAt = member?.whole.startedAt ?? clock.now()
    this.#notes = member === undefined ? [] : member.whole.#notes
    this.#begun = member === undefined ? new Set() : member.whole.#begun
  }

  /** A journal for one chain member: it shares the list of attempts and keeps its own outcome. */
  member(about: MemberAbout): Journal {
    return new Journal(this.#estimatedPromptTokens, this.attempts, this.clock, {
      member: { whole: this, about },
    })
  }

  /** Takes over the outcome of the member that answered the caller. */
  adopt(member: Journal): void {
    this.ttftMs ??= member.ttftMs
    this.resumes += member.resumes
    this.exact &&= member.exact
    this.usage = member.usage
    this.usageEstimated = member.usageEstimated
    this.agreement = member.agreement
  }

  get elapsedMs(): number {
    return this.clock.now() - this.startedAt
  }

  begin(about: Pick<AttemptAbout, 'exact' | 'peerId' | 'reason' | 'seam'>): AttemptNote {
    const member = this.#member
    const reason = about.reason === 'first' && member?.later ? 'fallback' : about.reason
    const note = new AttemptNote(this, member ? { ...about, reason, model: member.model } : about)
    this.#begun.add(note)
    return note
  }

  /** The attempts that run now. */
  get running(): readonly RunningAttempt[] {
    return [...this.#begun].map(({ running }) => running)
  }

  ended(note: AttemptNote, record: AttemptRecord): void {
    this.attempts.push(record)
    this.#begun.delete(note)
    this.#notes.push(note)
  }

  delivered(): void {
    this.ttftMs ??= this.elapsedMs
  }

  /** All work of engines minus the caller's usage. */
  get cost(): Cost {
    const worked = this.#notes.filter(({ accepted }) => accepted)
    const promptTokens = sum(worked, ({ usage }) => usage?.promptTokens ?? this.#promptTokens)
    const completionTokens = sum(worked, ({ usage, tokens }) => usage?.completionTokens ?? tokens)
    return {
      attempts: this.#notes.length - (this.usage === undefined ? 0 : 1),
      promptTokens: Math.max(0, promptTokens - (this.usage?.promptTokens ?? 0)),
      completionTokens: Math.max(0, completionTokens - (this.usage?.completionTokens ?? 0)),
      // An attempt cancelled before it was accepted may have caused work, too.
      estimated: this.#notes.some(
        ({ usage, accepted, superseded }) => usage === undefined && (accepted || superseded),
      ),
    }
  }

  /** For an attempt without usage: another attempt's count, else the estimate. */
  get #promptTokens(): number {
    const counted = this.#notes.find(({ usage }) => usage !== undefined)
    return counted?.usage?.promptTokens ?? this.#estimatedPromptTokens
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
