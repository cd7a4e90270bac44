import { hash } from 'node:crypto'
import type { ModelAdvertisement } from '../protocol/index.ts'

type Specified = Pick<ModelAdvertisement, 'digest' | 'id' | 'templateHash'>

/** Each model answers many requests. */
const known = new WeakMap<Specified, Uint8Array>()

/** SHA-256 of what answers can be compared within: the weights, or where they are not known the id, and the template. */
export function specHashOf(model: Specified): Uint8Array {
  const before = known.get(model)
  if (before !== undefined) return before
  const { digest, id, templateHash } = model
  const specHash = hash('sha256', `${digest ?? id}/${templateHash}`, 'buffer')
  known.set(model, specHash)
  return specHash
}
