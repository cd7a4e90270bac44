import type { AttemptReason, AttemptRecord, Usage } from '../../protocol/index.ts'
import type { Agreement, Cost } from '../event.ts'

/** One attempt while it runs. */
export class AttemptNote {
  readonly peerId: string
  readonly reason: AttemptReason
  readonly startedAt: number = performance.now()
  readonly #journal: Journal
  readonly #exact: boolean | undefined
  accepted: boolean = false
  superseded: boolean = false
  ttftMs: number | undefined
  tokens: number = 0
  deliveredTokens: number = 0
  usage: Usage | undefined
  #ended: boolean = false

  constructor(
    journal: Journal,
    about: { readonly peerId: string; readonly reason: AttemptReason; readonly exact?: boolean },
  ) {
    this.#journal = journal
    this.peerId = about.peerId
    this.reason = about.reason
    this.#exact = about.exact
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt
  }

  /** The first word counts. */
  end(outcome: AttemptRecord['outcome'], message?: string): void {
    if (this.#ended) return
    this.#ended = true
    this.superseded = outcome === 'superseded'
    this.#journal.ended(this, {
      peerId: this.peerId,
      reason: this.reason,
      startedMs: this.startedAt - this.#journal.startedAt,
      outcome,
      ...(this.ttftMs !== undefined && { ttftMs: this.ttftMs }),
      durationMs: this.elapsedMs,
      tokens: this.tokens,
      deliveredTokens: this.deliveredTokens,
      ...(this.#exact !== undefined && { exact: this.#exact }),
      ...(message !== undefined && { message }),
    })
  }
}

/** What happened to one request: written while it runs, read when it has ended. */
export class Journal {
  readonly startedAt: number = performance.now()
  /** In the order of their ends. */
  readonly attempts: AttemptRecord[]
  readonly #notes: AttemptNote[] = []
  readonly #estimatedPromptTokens: number
  ttftMs: number | undefined
  resumes: number = 0
  exact: boolean = true
  usage: Usage | undefined
  usageEstimated: boolean = false
  agreement: Agreement | undefined

  /** @param attempts where each attempt is written as it ends */
  constructor(estimatedPromptTokens: number, attempts: AttemptRecord[]) {
    this.#estimatedPromptTokens = estimatedPromptTokens
    this.attempts = attempts
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt
  }

  begin(about: ConstructorParameters<typeof AttemptNote>[1]): AttemptNote {
    return new AttemptNote(this, about)
  }

  ended(note: AttemptNote, record: AttemptRecord): void {
    this.attempts.push(record)
    this.#notes.push(note)
  }

  delivered(): void {
    this.ttftMs ??= performance.now() - this.startedAt
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
