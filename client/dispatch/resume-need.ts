import { InferenceError, type Resume, resumeField } from '../../protocol/index.ts'
import type { Candidate } from '../request/index.ts'
import type { Continuation } from './continuation.ts'
import type { Failure } from './failures.ts'

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

/**
 * What a peer needs to continue an answer.
 *
 * @param leader the attempt that wrote the last part
 * @param begunElsewhere the caller has a part that no peer of this request wrote, but weights with this digest
 * @throws InferenceError `not_resumable` if the answer cannot continue
 */
export function resumeNeedOf(
  how: Continuation,
  {
    leader,
    begunElsewhere,
    failures,
  }: {
    readonly leader:
      | { readonly candidate: Candidate | undefined; readonly digest: string }
      | undefined
    readonly begunElsewhere: { readonly digest: string } | undefined
    readonly failures: readonly Failure[]
  },
): ResumeNeed {
  const hasSource =
    leader === undefined ? begunElsewhere !== undefined : leader.candidate !== undefined
  if (how.type !== 'resume' || !hasSource) {
    throw new InferenceError('not_resumable', 'this answer cannot go on elsewhere')
  }
  const idsRefused = failures.some(({ error }) => error.code === 'not_resumable')
  const { digest = '' } = leader ?? begunElsewhere ?? {}
  return { how, peer: leader?.candidate?.key ?? '', digest, idsRefused }
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
