/** What one request of a key used. */
export interface KeyUsage {
  /** Name of the API key; empty if none is required. */
  readonly key: string
  /** The model that answered; empty for a request that none answered. */
  readonly model: string
  readonly outcome: 'answered' | 'failed'
  readonly promptTokens: number
  /** Of an answer that was broken off, an estimate of what was delivered. */
  readonly completionTokens: number
}

/** Receives the usage of each request when it ends. Must not throw. */
export type OnUsage = (usage: KeyUsage) => void
