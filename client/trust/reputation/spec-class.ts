import type { ModelAdvertisement } from '../../../protocol/index.ts'

/** Older peers leave out the algorithm. Anything else is no hash, and counts as none. */
const TEMPLATE_HASH = /^(?:sha256:)?([0-9a-f]{64})$/i
/** 128 bits: nobody finds another template with the same ones. */
const TEMPLATE_DIGITS = 32

/**
 * What answers can be compared within: the same weights and template. Quantization is part of the digest; where a peer
 * names none, nothing can be audited, and only its liveness is kept.
 */
export function specClassOf({
  digest,
  id,
  templateHash,
}: Pick<ModelAdvertisement, 'digest' | 'id' | 'templateHash'>): string {
  return `${(digest ?? id).replaceAll(/\s/g, '')}/${templateOf(templateHash)}`
}

/** The same for the same template, however its hash is written; empty for what is none. */
export function templateOf(templateHash: string): string {
  const [, digits = ''] = TEMPLATE_HASH.exec(templateHash) ?? []
  return digits.slice(0, TEMPLATE_DIGITS).toLowerCase()
}

/**
 * The weights of a spec class: what a lie is held against. A template is text that its owner chooses, so that a change
 * of it must not be a way out.
 */
export function weightsOf(spec: string): string {
  const end = spec.lastIndexOf('/')
  return end === -1 ? spec : spec.slice(0, end)
}
