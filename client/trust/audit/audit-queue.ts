/** Max concurrent audits, so that they do not compete with requests. */
const MAX_RUNNING = 4
/** Max waiting audits: six times the number of answers of one newcomer that are all audited. */
const MAX_WAITING = 64

export interface QueuedAudit {
  /** The highest comes first. Evaluated at each turn, because reputations change meanwhile. */
  readonly priority: () => number
  /** Never rejects. */
  readonly run: () => Promise<void>
  /** Called if the audit was dropped for lack of room. */
  readonly onDropped: () => void
}

/** Runs background audits in order of priority. When the queue is full, the least important audit is dropped. */
export class AuditQueue {
  #running = 0
  readonly #waiting: QueuedAudit[] = []

  add(audit: QueuedAudit): void {
    this.#waiting.push(audit)
    this.#next()
    if (this.#waiting.length <= MAX_WAITING) return
    // Of equal priorities the newest is dropped.
    const [last] = this.#inOrder().slice(-1)
    if (last !== undefined) this.#take(last).onDropped()
  }

  #next(): void {
    while (this.#running < MAX_RUNNING) {
      const [first] = this.#inOrder()
      if (first === undefined) return
      this.#running += 1
      void this.#take(first)
        .run()
        .finally(() => {
          this.#running -= 1
          this.#next()
        })
    }
  }

  #inOrder(): readonly QueuedAudit[] {
    const ranked = this.#waiting.map((audit) => ({ audit, priority: audit.priority() }))
    return ranked.toSorted((a, b) => b.priority - a.priority).map(({ audit }) => audit)
  }

  #take(audit: QueuedAudit): QueuedAudit {
    this.#waiting.splice(this.#waiting.indexOf(audit), 1)
    return audit
  }
}
