import { type Resume, resumeField } from '../../protocol/index.ts'
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
  /** Absent: it begins anew, because the caller has seen nothing. */
  readonly resume?: Resume
  /** By token ids, with the same weights. */
  readonly exact: boolean
}

/** @returns undefined if the peer cannot continue it */
export function resumeMethod(
  { key, model }: Candidate,
  need: ResumeNeed,
): ResumeMethod | undefined {
  const { how, peer, digest, idsRefused } = need
  const { byIds, byText, forms, unseen } = how
  const can = (by: 'ids' | 'text'): boolean =>
    forms.every((form) => model.fields.includes(resumeField(form, by)))
  const sameWeights = key === peer || (digest !== '' && model.digest === digest)
  const mayUseIds = sameWeights && !(idsRefused && (byText !== undefined || unseen))
  if (byIds !== undefined && mayUseIds && model.resume === 'tokens' && can('ids')) {
    return { resume: byIds, exact: true }
  }
  if (unseen) return { exact: false }
  if (byText === undefined || model.resume === 'none' || !can('text')) return undefined
  return { resume: byText, exact: false }
}
