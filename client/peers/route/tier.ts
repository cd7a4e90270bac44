import type { Load, ModelAdvertisement } from '../../../protocol/index.ts'
/** What sorts a peer into a tier. */
export interface Fitness {
  readonly load: Load | undefined
  readonly model: Pick<ModelAdvertisement, 'contextLength'>
  /** A guess: only the engine can count text. */
  readonly promptTokens: number
  /** It has as many of our requests as its concurrency limit allows. */
  readonly atLimit: boolean
  /** It failed us lately, or its connection was lost. */
  readonly suspect: boolean
  /** It failed again and again. */
  readonly ejected: boolean
}

/** From this tier on a peer is a makeshift, and nobody's home. */
export const UNFIT_TIER = 2
/** The tier of a peer that takes no new work. */
export const LEAVING_TIER = 5

/**
 * 0: fit. 1: at its concurrency limit. 2: the prompt may not fit. 3: failed us lately, or still loads. 4: ejected.
 * 5: draining. A higher tier serves only where no lower one is left, so that nobody is ever excluded: when all are
 * ejected, one is used anyway.
 */
export function tierOf(fitness: Fitness): number {
  const { load, model, promptTokens, atLimit, suspect, ejected } = fitness
  if (load?.state === 'draining') return LEAVING_TIER
  if (ejected) return 4
  if (load?.state === 'loading' || suspect) return 3
  if (model.contextLength > 0 && promptTokens > model.contextLength) return UNFIT_TIER
  return atLimit ? 1 : 0
}
