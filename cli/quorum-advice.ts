import { type AttemptRecord, parseModelReference } from '../protocol/index.ts'

/** Typed options that bear on whether answers agree. */
export interface AgreementOptions {
  readonly model?: string
  readonly policy?: string
  readonly temperature?: number
}

const ONE = 'take one answer with --policy single'

/** What to change after a quorum that was not reached: what is set already, or would not help, is not suggested. */
export function quorumAdvice(
  attempts: readonly Pick<AttemptRecord, 'outcome'>[],
  { model, policy, temperature }: AgreementOptions,
): string {
  const answers = attempts.filter(({ outcome }) => outcome === 'answered').length
  const wanted = Number(/^quorum:(\d)/.exec(policy ?? '')?.[1] ?? 2)
  // Answers that did not come cannot differ, however the request is put.
  if (answers < wanted) {
    return `Too few peers answered for ${wanted} answers to agree: ${ONE}, or ask again when more peers serve the model.`
  }
  if (temperature !== 0) return `Ask with --temperature 0, or ${ONE}.`
  const isPinned = model !== undefined && parseModelReference(model).digest !== undefined
  return isPinned
    ? `These peers answer differently with the same weights: ${ONE}.`
    : `Ask only peers with the same weights (--model MODEL@sha256:… pins them), or ${ONE}.`
}
