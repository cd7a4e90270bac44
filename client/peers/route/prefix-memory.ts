import { hashText } from './hash.ts'

/** Engines evict idle prefixes within minutes. */
const FORGET_MS = 10 * 60_000
/** Conversations times peers; those unused for longest leave. */
const MAX_ENTRIES = 4_096

interface Warmth {
  readonly tokens: number
  readonly atMs: number
}

/** Which peer has seen how much of which conversation: what its engine need not prefill again. Keeps hashes; of
 * texts only the newest. */
export class PrefixMemory {
  readonly #entries = new Map<string, Warmth>()
  readonly #salt: number
  /** One choice asks for the same conversation at every peer, and its text is long. */
  #last = { affinity: '', hash: '' }

  /** @param salt 32 bits, the client's own */
  constructor(salt: number) {
    this.#salt = salt
  }

  /** The peer has just prefilled so many tokens of this conversation, or had them in its cache. */
  remember(affinity: string, peer: string, tokens: number, nowMs: number): void {
    const key = this.#keyOf(affinity, peer)
    this.#entries.delete(key)
    this.#entries.set(key, { tokens, atMs: nowMs })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest)
  }

  /** Tokens of the conversation that the peer's engine has, as far as we know. */
  warmTokens(affinity: string, peer: string, nowMs: number): number {
    const warmth = this.#entries.get(this.#keyOf(affinity, peer))
    return warmth === undefined || nowMs - warmth.atMs > FORGET_MS ? 0 : warmth.tokens
  }

  get size(): number {
    return this.#entries.size
  }

  /** Two hashes: 64 bits make it unlikely that two conversations meet, and if they do it is a worse guess, no more. */
  #keyOf(affinity: string, peer: string): string {
    if (this.#last.affinity !== affinity || this.#last.hash === '') {
      const hash = `${hashText(affinity, this.#salt)}.${hashText(affinity, ~this.#salt)}`
      this.#last = { affinity, hash }
    }
    return `${this.#last.hash}.${peer}`
  }
}
