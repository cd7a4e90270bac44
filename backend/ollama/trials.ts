import { NO_PROOF, type Proof } from './continuation.ts'

/** Runs trials one after the other, each once, while the engine serves requests. */
export class Trials {
  readonly #proofs = new Map<string, Proof>()
  readonly #signal: AbortSignal
  #queue: Promise<void> = Promise.resolve()

  /** @param signal ends all trials */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** The proof so far. The first call for a key starts its trial, which never rejects. */
  proofOf(key: string, trial: (signal: AbortSignal) => Promise<Proof>): Proof {
    const known = this.#proofs.get(key)
    if (known !== undefined) return known
    this.#proofs.set(key, NO_PROOF)
    this.#queue = this.#queue.then(async () => {
      const proof = await trial(this.#signal).catch(() => undefined)
      // An engine that was busy or absent is tried again.
      if (proof === undefined) this.#proofs.delete(key)
      else this.#proofs.set(key, proof)
    })
    return NO_PROOF
  }

  /** Resolves once no trial is running. */
  settled(): Promise<void> {
    return this.#queue
  }
}
