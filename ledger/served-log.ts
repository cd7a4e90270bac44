import { LRUCache } from 'lru-cache'

/** Answers that a receipt can still be requested for. */
const MAX_SERVED = 2_048
/** Time after its end in which an answer can get a receipt. */
const MAX_AGE_MS = 600_000
/** How exactly: a finer clock costs a timer for each millisecond with an answer. */
const AGE_STEP_MS = 1_000

/** An answer as its node remembers it. */
export interface Served {
  readonly client: string
  readonly specHash: Uint8Array
  readonly inputTokens: number
  readonly outputTokens: number
  /** SHA-256 of the chunks' JSON, one after the other. */
  readonly answerHash: Uint8Array
  readonly startedAtMs: number
  readonly endedAtMs: number
}

/** Recent answers of a node, by attempt. Bounded. */
export class ServedLog {
  readonly #served = new LRUCache<string, Served>({
    ...{ max: MAX_SERVED, ttl: MAX_AGE_MS, ttlResolution: AGE_STEP_MS },
  })

  /** Remembers an answer. */
  note(attemptId: Uint8Array, served: Served): void {
    this.#served.set(idOf(attemptId), served)
  }

  /** The answer of this attempt, if a receipt can be issued for it. */
  get(attemptId: Uint8Array): Served | undefined {
    return this.#served.get(idOf(attemptId))
  }

  /** Marks the answer as receipted: each answer gets one receipt. */
  settle(attemptId: Uint8Array): void {
    this.#served.delete(idOf(attemptId))
  }
}

function idOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
