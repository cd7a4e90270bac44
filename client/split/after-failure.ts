import { ERROR_TABLE, type InferenceError, isErrorCode } from '../../protocol/index.ts'

/** Whether an attempt ended because the peer was busy. This says nothing of the part and is not its failure. */
export function isRefusal(outcome: string): boolean {
  return isErrorCode(outcome) && ERROR_TABLE[outcome].kind === 'busy'
}

const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 10_000

/**
 * What becomes of a part that failed. `later`: tried again for as long as there is time. `again`: tried again a few
 * times. `absent`: nobody was there to ask. `never`: the same would come of it.
 */
export function afterFailure({
  code,
  traits,
  details,
}: Pick<InferenceError, 'code' | 'details' | 'traits'>): 'later' | 'again' | 'absent' | 'never' {
  if (traits.kind === 'busy') return 'later'
  // Where peers had no room, too many retries are a sign of that, and none of the part.
  const last = details.attempts?.at(-1)
  if (code === 'budget_exhausted' && last !== undefined && isRefusal(last.outcome)) return 'later'
  if (traits.kind === 'absent') return 'absent'
  return traits.blame === 'caller' ? 'never' : 'again'
}

/** How long to leave a part alone: doubles with each failure in a row, jittered by a quarter, never less than asked for. */
export function pauseMs(
  failures: number,
  { retryAfterMs }: Pick<InferenceError, 'retryAfterMs'>,
  random: () => number,
): number {
  const backoffMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1))
  return Math.max(retryAfterMs ?? 0, backoffMs * (0.75 + random() / 2))
}
