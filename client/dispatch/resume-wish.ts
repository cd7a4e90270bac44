import type { Resume } from '../../protocol/index.ts'
import type { Candidate } from '../request/index.ts'
import type { Continuation } from './continuation.ts'
/** An answer that is to go on, and with which weights. */
export interface ResumeWish {
  readonly how: Extract<Continuation, { type: 'resume' }>
  /** Who wrote it last. */
  readonly peer: string
  /** Of the weights that wrote it; empty where nobody knows. */
  readonly digest: string
  /** A peer said that the ids do not fit its text. */
  readonly idsRefused: boolean
}

/** How one peer can go on with it. */
export interface Suitable {
  readonly resume: Resume
  /** By token ids, with the same weights. */
  readonly exact: boolean
}

/** @returns nothing where the peer cannot */
export function suitable({ key, model }: Candidate, wish: ResumeWish): Suitable | undefined {
  const { how, peer, digest, idsRefused } = wish
  if (model.resume === 'none') return undefined
  const sameWeights = key === peer || (digest !== '' && model.digest === digest)
  const byIds = model.resume === 'tokens' && sameWeights && !(idsRefused && how.byText)
  if (how.byIds !== undefined && byIds) return { resume: how.byIds, exact: true }
  return how.byText === undefined ? undefined : { resume: how.byText, exact: false }
}
