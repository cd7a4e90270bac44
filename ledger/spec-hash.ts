import { hash } from 'node:crypto'
import type { ModelAdvertisement } from '../protocol/index.ts'

/** SHA-256 of what answers can be compared within: the weights, or where they are not known the id, and the template. */
export function specHashOf({
  digest,
  id,
  templateHash,
}: Pick<ModelAdvertisement, 'digest' | 'id' | 'templateHash'>): Uint8Array {
  return hash('sha256', `${digest ?? id}/${templateHash}`, 'buffer')
}
