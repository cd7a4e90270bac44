/** Audits at a time, so that they never take the place of requests. */
const MAX_RUNNING = 4
/** More wait in vain: six times the answers of one newcomer that are all rated. */
const MAX_WAITING = 64

export interface QueuedAudit {
  /** The highest comes first. Asked again at each turn: what is learned meanwhile counts. */
  readonly priority: () => number
  /** Fails of nothing. */
  readonly run: () => Promise<void>
  /** There was no room for it. */
  readonly onLeftOut: () => void
}

/** Audits that nobody waits for take turns. Where there is no more room, the least wanted one is left out. */
export class AuditQueue {
  #running = 0
  readonly #waiting: QueuedAudit[] = []

  add(audit: QueuedAudit): void {
    this.#waiting.push(audit)
    this.#next()
    if (this.#waiting.length <= MAX_WAITING) return
    // Of equals the last to come: others have waited for their turn.
    const [last] = this.#inOrder().slice(-1)
    if (last !== undefined) this.#take(last).onLeftOut()
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
