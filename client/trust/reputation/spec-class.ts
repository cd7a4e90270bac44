import type { ModelAdvertisement } from '../../../protocol/index.ts'

/** Older peers omit the algorithm. Anything else counts as no hash. */
const TEMPLATE_HASH = /^(?:sha256:)?([0-9a-f]{64})$/i
/** 128 bits, which is enough to prevent collisions. */
const TEMPLATE_DIGITS = 32

/** Of each advertised model: routing asks for every candidate of every request. */
const CLASSES = new WeakMap<object, string>()

/**
 * The class within which answers are comparable: weights and template. The digest includes the quantization. Peers without
 * a digest cannot be audited; for them the model id takes its place.
 */
export function specClassOf(
  model: Pick<ModelAdvertisement, 'digest' | 'id' | 'templateHash'>,
): string {
  const known = CLASSES.get(model)
  if (known !== undefined) return known
  const { digest, id, templateHash } = model
  const spec = `${(digest ?? id).replaceAll(/\s/g, '')}/${templateOf(templateHash)}`
  CLASSES.set(model, spec)
  return spec
}

/** Normalized template hash; empty if it is not a valid hash. */
export function templateOf(templateHash: string): string {
  const [, digits = ''] = TEMPLATE_HASH.exec(templateHash) ?? []
  return digits.slice(0, TEMPLATE_DIGITS).toLowerCase()
}

/**
 * The weights of a spec class, to which blame applies. The owner of a peer can change its template at any time, so a new
 * template must not clear the blame.
 */
export function weightsOf(spec: string): string {
  const end = spec.lastIndexOf('/')
  return end === -1 ? spec : spec.slice(0, end)
}
