/** What a key used since its window began. */
export interface UsageWindow {
  used: number
  readonly endsAtMs: number
}

/** Counts what each key uses in windows of a fixed length. A key's window begins with its first use. */
export class UsageWindows {
  readonly #lengthMs: number
  readonly #now: () => number
  /** In the order in which they end. */
  readonly #windows = new Map<string, UsageWindow>()

  /** @param now in milliseconds, monotonic */
  constructor(lengthMs: number, now: () => number) {
    this.#lengthMs = lengthMs
    this.#now = now
  }

  /** The open window of a key. Absent if it used nothing lately. */
  get(key: string): UsageWindow | undefined {
    const window = this.#windows.get(key)
    return window !== undefined && this.#now() < window.endsAtMs ? window : undefined
  }

  /** The open window of a key, with so much more used in it. */
  add(key: string, amount: number): UsageWindow {
    const window = this.get(key) ?? this.#open(key)
    window.used += amount
    return window
  }

  /** Time until the window of a key ends; 0 if none is open. */
  leftMs(key: string): number {
    return Math.ceil((this.get(key)?.endsAtMs ?? this.#now()) - this.#now())
  }

  #open(key: string): UsageWindow {
    const now = this.#now()
    for (const [other, { endsAtMs }] of this.#windows) {
      if (now < endsAtMs) break
      this.#windows.delete(other)
    }
    const window = { used: 0, endsAtMs: now + this.#lengthMs }
    this.#windows.set(key, window)
    return window
  }
}
