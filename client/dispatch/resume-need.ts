import type { Resume } from '../../protocol/index.ts'
import type { Candidate } from '../request/index.ts'
import type { Continuation } from './continuation.ts'
/** An answer to continue, and the weights that wrote it. */
export interface ResumeNeed {
  readonly how: Extract<Continuation, { type: 'resume' }>
  /** The peer that wrote the last part. */
  readonly peer: string
  /** Digest of the weights that wrote it; empty if unknown. */
  readonly digest: string
  /** A peer reported that the token ids do not match the text. */
  readonly idsRefused: boolean
}

/** How one peer can continue the answer. */
export interface ResumeMethod {
  readonly resume: Resume
  /** By token ids, with the same weights. */
  readonly exact: boolean
}

/** @returns undefined if the peer cannot continue it */
export function resumeMethod(
  { key, model }: Candidate,
  need: ResumeNeed,
): ResumeMethod | undefined {
  const { how, peer, digest, idsRefused } = need
  if (model.resume === 'none') return undefined
  const sameWeights = key === peer || (digest !== '' && model.digest === digest)
  const byIds = model.resume === 'tokens' && sameWeights && !(idsRefused && how.byText)
  if (how.byIds !== undefined && byIds) return { resume: how.byIds, exact: true }
  return how.byText === undefined ? undefined : { resume: how.byText, exact: false }
}
