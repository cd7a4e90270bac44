import { LRUCache } from 'lru-cache'
import { hashText } from './hash.ts'

/** Engines evict idle prefixes within minutes. */
const FORGET_MS = 10 * 60_000
/** Entries, one per conversation and peer; the least recently updated are evicted. */
const MAX_ENTRIES = 4_096

interface Warmth {
  readonly tokens: number
  readonly atMs: number
}

/**
 * How much of each conversation each peer has seen: what its engine need not prefill again. Keeps hashes, and only the
 * newest of the texts.
 */
export class PrefixMemory {
  readonly #entries = new LRUCache<string, Warmth>({ max: MAX_ENTRIES })
  readonly #salt: number
  /** One choice looks up the same conversation for every peer, and its text is long. */
  #last = { affinity: '', hash: '' }

  /** @param salt 32 bits, the client's own */
  constructor(salt: number) {
    this.#salt = salt
  }

  /** The peer has just prefilled this many tokens of the conversation, or had them in its cache. */
  remember(affinity: string, peer: string, tokens: number, nowMs: number): void {
    this.#entries.set(this.#keyOf(affinity, peer), { tokens, atMs: nowMs })
  }

  /** Tokens of the conversation that the peer's engine has in its cache, as far as we know. */
  warmTokens(affinity: string, peer: string, nowMs: number): number {
    const warmth = this.#entries.peek(this.#keyOf(affinity, peer))
    return warmth === undefined || nowMs - warmth.atMs > FORGET_MS ? 0 : warmth.tokens
  }

  get size(): number {
    return this.#entries.size
  }

  /** Two hashes: with 64 bits a collision of two conversations is unlikely, and it would only lead to a worse guess. */
  #keyOf(affinity: string, peer: string): string {
    if (this.#last.affinity !== affinity || this.#last.hash === '') {
      const hash = `${hashText(affinity, this.#salt)}.${hashText(affinity, ~this.#salt)}`
      this.#last = { affinity, hash }
    }
    return `${this.#last.hash}.${peer}`
  }
}
