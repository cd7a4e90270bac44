import type { AttemptReason, AttemptRecord, Progress, Usage } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import type { Agreement, Cost, RequestEvent } from './record.ts'

interface AttemptAbout {
  readonly peerId: string
  readonly reason: AttemptReason
  readonly exact?: boolean
  readonly model?: string
}

/** What one member of a chain is to the request. */
export interface LegAbout {
  readonly model: string
  /** Not the first that was asked. */
  readonly later: boolean
}

/** One attempt while it runs. */
export class AttemptNote {
  readonly peerId: string
  readonly reason: AttemptReason
  readonly startedAt: number
  readonly #journal: Journal
  readonly #model: string | undefined
  readonly #exact: boolean | undefined
  accepted: boolean = false
  superseded: boolean = false
  ttftMs: number | undefined
  /** What the node reported last before the first piece. */
  progress: Progress | undefined
  tokens: number = 0
  deliveredTokens: number = 0
  usage: Usage | undefined
  /** Of one that goes through a relay. */
  relay: string | undefined
  relayedBytes: number = 0
  #ended: boolean = false

  constructor(journal: Journal, about: AttemptAbout) {
    this.#journal = journal
    this.startedAt = journal.clock.now()
    this.peerId = about.peerId
    this.reason = about.reason
    this.#exact = about.exact
    this.#model = about.model
  }

  get elapsedMs(): number {
    return this.#journal.clock.now() - this.startedAt
  }

  /** The first word counts. */
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
      ...(this.#exact !== undefined && { exact: this.#exact }),
      ...(this.relay !== undefined && { relay: this.relay, relayedBytes: this.relayedBytes }),
      ...(message !== undefined && { message }),
    })
  }
}

/** What happened to one request: written while it runs, read when it has ended. */
export class Journal {
  readonly clock: Clock
  readonly startedAt: number
  /** In the order of their ends. */
  readonly attempts: AttemptRecord[]
  readonly #notes: AttemptNote[]
  readonly #leg: LegAbout | undefined
  readonly #estimatedPromptTokens: number
  ttftMs: number | undefined
  resumes: number = 0
  exact: boolean = true
  usage: Usage | undefined
  usageEstimated: boolean = false
  agreement: Agreement | undefined
  /** No peer was asked: the same request had failed again and again. */
  remembered: boolean = false
  /** Once the request has ended. */
  record: RequestEvent | undefined

  /** @param attempts where each attempt is written as it ends */
  constructor(
    estimatedPromptTokens: number,
    attempts: AttemptRecord[],
    clock: Clock = systemClock,
    leg?: { readonly whole: Journal; readonly about: LegAbout },
  ) {
    this.#estimatedPromptTokens = estimatedPromptTokens
    this.attempts = attempts
    this.#leg = leg?.about
    this.clock = clock
    this.startedAt = leg?.whole.startedAt ?? clock.now()
    this.#notes = leg === undefined ? [] : leg.whole.#notes
  }

  /** For one member of a chain: its attempts are written here as well, what it comes to is its own. */
  leg(about: LegAbout): Journal {
    return new Journal(this.#estimatedPromptTokens, this.attempts, this.clock, {
      whole: this,
      about,
    })
  }

  /** What the leg that the caller got its answer from came to. */
  adopt(leg: Journal): void {
    this.ttftMs ??= leg.ttftMs
    this.resumes += leg.resumes
    this.exact &&= leg.exact
    this.usage = leg.usage
    this.usageEstimated = leg.usageEstimated
    this.agreement = leg.agreement
  }

  get elapsedMs(): number {
    return this.clock.now() - this.startedAt
  }

  begin(about: Pick<AttemptAbout, 'exact' | 'peerId' | 'reason'>): AttemptNote {
    const leg = this.#leg
    if (leg === undefined) return new AttemptNote(this, about)
    const reason = about.reason === 'first' && leg.later ? 'fallback' : about.reason
    return new AttemptNote(this, { ...about, reason, model: leg.model })
  }

  ended(note: AttemptNote, record: AttemptRecord): void {
    this.attempts.push(record)
    this.#notes.push(note)
  }

  delivered(): void {
    this.ttftMs ??= this.elapsedMs
  }

  /** All that engines worked on, less what the caller's usage counts. */
  get cost(): Cost {
    const worked = this.#notes.filter(({ accepted }) => accepted)
    const promptTokens = sum(worked, ({ usage }) => usage?.promptTokens ?? this.#promptTokens)
    const completionTokens = sum(worked, ({ usage, tokens }) => usage?.completionTokens ?? tokens)
    return {
      attempts: this.#notes.length - (this.usage === undefined ? 0 : 1),
      promptTokens: Math.max(0, promptTokens - (this.usage?.promptTokens ?? 0)),
      completionTokens: Math.max(0, completionTokens - (this.usage?.completionTokens ?? 0)),
      // One that was called off before it was accepted may have been worked on as well.
      estimated: this.#notes.some(
        ({ usage, accepted, superseded }) => usage === undefined && (accepted || superseded),
      ),
    }
  }

  /** Of an attempt that did not tell: as another one counted, else by the length of the text. */
  get #promptTokens(): number {
    const told = this.#notes.find(({ usage }) => usage !== undefined)
    return told?.usage?.promptTokens ?? this.#estimatedPromptTokens
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
