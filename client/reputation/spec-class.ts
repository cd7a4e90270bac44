import type { ModelAdvertisement } from '../../protocol/index.ts'

/**
 * What answers can be compared within: the same weights and template. Quantization is part of the digest; where a peer
 * names none, nothing can be audited, and only its liveness is kept.
 */
export function specClassOf({
  digest,
  id,
  templateHash,
}: Pick<ModelAdvertisement, 'digest' | 'id' | 'templateHash'>): string {
  return `${digest ?? id.replaceAll(' ', '')}/${templateHash.slice(0, 16)}`
}
