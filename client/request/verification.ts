/**
 * Why nobody could say whether an answer, or a part of it, is what it is said to be.
 *
 * - `request`: what was asked for cannot be rated: embeddings, tools, images, JSON, biases, penalties.
 * - `own-provider`: the caller's own provider answered.
 * - `no-token-ids`: the peer's engine does not tell them.
 * - `no-scorer`: nobody else was found that has the same weights and may see it.
 * - `no-answer`: those that were asked did not rate it.
 * - `too-short`: fewer than 8 tokens.
 * - `unsettled`: those that rated it do not agree, or too few of them accuse.
 */
export type Unrated =
  | 'request'
  | 'own-provider'
  | 'no-token-ids'
  | 'no-scorer'
  | 'no-answer'
  | 'too-short'
  | 'unsettled'

/** What came of checking one answer while its caller waited. Requests that did not ask for that have none. */
export interface Verification {
  /**
   * The weakest that holds for a part: `failed` (in errors only), `suspect` (more tokens than usual are not the first
   * choice, which proves nothing), `unverified` (nobody could say), `passed`.
   */
  readonly status: 'passed' | 'suspect' | 'unverified' | 'failed'
  /** Of `unverified`. */
  readonly why?: Unrated
  /** One for each peer that wrote a part. Empty where nobody could be asked about any. */
  readonly parts: readonly AuditReport[]
}

/** @param unratable why nobody was asked. @default somebody was */
export function verificationOf(
  parts: readonly AuditReport[],
  unratable?: Unrated | undefined,
): Verification {
  const has = (outcome: AuditReport['outcome']): boolean =>
    parts.some((part) => part.outcome === outcome)
  if (has('failed')) return { status: 'failed', parts }
  if (has('suspect')) return { status: 'suspect', parts }
  const [unrated] = parts.flatMap((part) => whyUnrated(part) ?? [])
  // What nobody has rated never counts as passed.
  const why = unratable ?? unrated ?? (parts.length === 0 ? 'no-scorer' : undefined)
  return why === undefined ? { status: 'passed', parts } : { status: 'unverified', why, parts }
}

/** Of the parts of one call, each an answer by itself; nothing where none was to be checked. */
export function mergedVerification(all: readonly Verification[]): Verification | undefined {
  if (all.length === 0) return undefined
  const parts = all.flatMap((one) => one.parts)
  const [why] = all.flatMap((one) => one.why ?? [])
  return verificationOf(parts, why)
}

function whyUnrated({ outcome, asked, by, positions }: AuditReport): Unrated | undefined {
  if (outcome !== 'inconclusive') return undefined
  if (positions > 0 && positions < MIN_POSITIONS) return 'too-short'
  if (by.length === 0) return asked === 0 ? 'no-scorer' : 'no-answer'
  return 'unsettled'
}

/** How one peer's part of an answer was checked, and what came of it. */
export interface AuditReport extends Verdict {
  /** Whose tokens these are. */
  readonly peerId: string
  /** Who rated them: peers, or `self`. */
  readonly by: readonly string[]
  /** Peers that were asked to; `by` has those of them that did. */
  readonly asked: number
  /** Tokens that the scorers read for it, the prompt included, and those of whom nothing came. */
  readonly tokens: number
}

/** Of one answer: less say nothing. */
export const MIN_POSITIONS = 8

/** What an audit found. */
export interface Verdict {
  /** `suspect`: more misses than are usual, or less chance than was asked for, which by itself proves nothing. */
  readonly outcome: 'passed' | 'suspect' | 'failed' | 'inconclusive'
  readonly positions: number
  /** Tokens that are not the first choice. */
  readonly misses: number
  /** Tokens that the model would not have chosen. */
  readonly hardMisses: number
  /** In nats, each at most 5. */
  readonly meanMargin: number
  /** Of the sequential test over this peer's audits. */
  readonly logRatio: number
  /** Of a sampled answer: evidence that these weights did not write it, as standard deviations. */
  readonly surprise?: number
  /** What it was found out by, in words, where its tokens are not all. */
  readonly finding?: string
}
