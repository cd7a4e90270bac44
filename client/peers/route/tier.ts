import type { Load, ModelAdvertisement } from '../../../protocol/index.ts'
/** What determines a peer's tier. */
export interface Fitness {
  readonly load: Load | undefined
  readonly model: Pick<ModelAdvertisement, 'contextLength'>
  /** An estimate: only the engine can count tokens of text. */
  readonly promptTokens: number
  /** It has as many of our requests as its concurrency limit allows. */
  readonly atLimit: boolean
  /** It failed recently, or its connection was lost. */
  readonly suspect: boolean
  /** It failed repeatedly. */
  readonly ejected: boolean
  /** Known by hearsay only; `doubted` if peers recently known by hearsay could not be reached. @default 'no' */
  readonly hearsay?: 'no' | 'yes' | 'doubted'
}

/** The tier of a peer at its concurrency limit, which is advice. */
export const BUSY_TIER = 1
/** From this tier on a peer is a fallback and not a home for conversations. */
export const UNFIT_TIER = 2
/** The tier of a peer that takes no new work. */
export const LEAVING_TIER = 7
const HEARSAY_TIER = 3
/** After every peer that was met, including those that failed. */
export const DOUBTED_TIER = 6

/**
 * 0: fit. 1: at its concurrency limit. 2: the prompt may not fit. 3: known by hearsay only. 4: failed recently, or is
 * still loading. 5: ejected. 6: known by hearsay only, and in doubt. 7: draining. A higher tier is used only if no
 * lower one is left, so no peer is ever excluded: when all are ejected, one is used anyway.
 */
export function tierOf(fitness: Fitness): number {
  const { load, model, promptTokens, atLimit, suspect, ejected, hearsay = 'no' } = fitness
  if (load?.state === 'draining') return LEAVING_TIER
  const failed = ejected || suspect
  if (hearsay !== 'no') return failed || hearsay === 'doubted' ? DOUBTED_TIER : HEARSAY_TIER
  if (ejected) return 5
  if (load?.state === 'loading' || suspect) return 4
  if (model.contextLength > 0 && promptTokens > model.contextLength) return UNFIT_TIER
  return atLimit ? BUSY_TIER : 0
}
