/**
 * Why an answer, or a part of it, could not be verified.
 *
 * - `request`: this kind of request cannot be rated: embeddings, tools, images, JSON, biases, penalties.
 * - `own-provider`: the caller's own provider answered.
 * - `no-token-ids`: the peer's engine does not give token ids.
 * - `no-scorer`: no other eligible peer has the same weights.
 * - `no-answer`: no scorer returned a rating.
 * - `too-short`: fewer than 8 tokens.
 * - `unsettled`: the scorers disagree, or too few of them accuse.
 */
export type Unrated =
  | 'request'
  | 'own-provider'
  | 'no-token-ids'
  | 'no-scorer'
  | 'no-answer'
  | 'too-short'
  | 'unsettled'

/** Result of verifying one answer while its caller waited. Absent from requests that did not ask for it. */
export interface Verification {
  /**
   * The weakest result of any part: `failed` (in errors only), `suspect` (more tokens than usual are not the first
   * choice, which proves nothing), `unverified` (could not be rated), `passed`.
   */
  readonly status: 'passed' | 'suspect' | 'unverified' | 'failed'
  /** Set when `status` is `unverified`. */
  readonly why?: Unrated
  /** One report per peer that wrote a part; empty if no part could be rated. */
  readonly parts: readonly AuditReport[]
}

/** Result of an audit. */
export interface Verdict {
  /** `suspect`: more misses than are usual, or less randomness than requested; not proof by itself. */
  readonly outcome: 'passed' | 'suspect' | 'failed' | 'inconclusive'
  /** Tokens rated. */
  readonly positions: number
  /** Tokens that are not the scorer's first choice. */
  readonly misses: number
  /** Tokens that the model would not have chosen. */
  readonly hardMisses: number
  /** In nats, each token's margin capped at 5. */
  readonly meanMargin: number
  /** Log likelihood ratio of the sequential test over this peer's audits. */
  readonly logRatio: number
  /** Of a sampled answer: evidence that these weights did not write it, in standard deviations. */
  readonly surprise?: number
  /** Explanation, if something other than its tokens failed the answer. */
  readonly finding?: string
}

/** How one peer's part of an answer was checked, and the result. */
export interface AuditReport extends Verdict {
  /** The peer that wrote the part. */
  readonly peerId: string
  /** Scorers that rated it: peer ids, or `self`. */
  readonly by: readonly string[]
  /** Scorers asked; `by` lists those that answered. */
  readonly asked: number
  /** Tokens read by scorers, prompt included, and by scorers that gave no result. */
  readonly tokens: number
}
