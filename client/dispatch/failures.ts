import { type ErrorKind, InferenceError } from '../../protocol/index.ts'
import { backoffMs, QUARTER_JITTER } from '../../timing/index.ts'

/** A failed attempt. */
export interface Failure {
  /** The peer id as text. */
  readonly peer: string
  /** The peer's operator tag: free to invent, so it may show two peers to be one, never the other way round. */
  readonly operator: string
  readonly error: InferenceError
}

/** Whether the same peer may be asked again, if no other is left. */
export function mayRepeat({ error }: Failure): boolean {
  return error.traits.retrySamePeer
}

/**
 * The failure that ends the request, if the newest one does: a claim that an independent second peer shares, or an
 * engine's failure at two peers, as it may be the request that kills engines.
 */
export function fatal(failures: readonly Failure[]): InferenceError | undefined {
  const last = failures.at(-1)
  if (last === undefined) return undefined
  const { code, traits } = last.error
  if (traits.kind !== 'claim' && traits.kind !== 'engine') return undefined
  // An engine's failure that names a time was there before the request.
  if (traits.kind === 'engine' && last.error.retryAfterMs !== undefined) return undefined
  const confirmed = failures.some((other) => other.error.code === code && independent(other, last))
  return confirmed ? last.error : undefined
}

function independent(a: Failure, b: Failure): boolean {
  return a.peer !== b.peer && (a.operator === '' || a.operator !== b.operator)
}

/** Tokens of the prompt as the peers that found it too long counted them. */
export function claimedPromptTokens(failures: readonly Failure[]): number | undefined {
  const claims = failures.flatMap(({ error }) =>
    InferenceError.is(error, 'context_too_long') ? [error.details.promptTokens ?? 0] : [],
  )
  return claims.length === 0 ? undefined : Math.max(...claims)
}

/**
 * What to tell the caller when nobody is left to ask: that a peer is busy, as it may answer yet and a claim that no
 * second peer shares must not make the caller give up; else what the request can be blamed for; else the last failure.
 */
export function conclude(failures: readonly Failure[]): InferenceError {
  const newest = failures.toReversed().map(({ error }) => error)
  const ofKind = (kind: ErrorKind): InferenceError | undefined =>
    newest.find(({ traits }) => traits.kind === kind)
  const chosen = ofKind('busy') ?? ofKind('claim') ?? ofKind('engine') ?? newest[0]
  if (chosen === undefined) return new InferenceError('internal', 'no attempt was made')
  const peers = new Set(failures.map(({ peer }) => peer)).size
  if (failures.length === 1 || chosen.traits.kind === 'claim') return chosen
  const where = peers === 1 ? 'at one peer' : `at ${peers} peers`
  return new InferenceError(
    chosen.code,
    `${failures.length} attempts failed ${where}; the last: ${chosen.message}`,
    { cause: chosen, details: chosen.details, ...soonest(newest) },
  )
}

/** When the first of them takes work again. */
function soonest(errors: readonly InferenceError[]): { retryAfterMs?: number } {
  const times = errors.flatMap(({ retryAfterMs }) =>
    retryAfterMs === undefined ? [] : [retryAfterMs],
  )
  return times.length === 0 ? {} : { retryAfterMs: Math.min(...times) }
}

/** Before the same peer is asked again. Short: an answer that one peer keeps breaking off still goes on. */
const BACKOFF = { minMs: 100, maxMs: 2_000, jitter: QUARTER_JITTER }

/** How long to leave a peer alone: what it asked for, else a backoff that grows with each attempt. */
export function pauseMs({ error }: Failure, failuresSoFar: number, random: () => number): number {
  return error.retryAfterMs ?? backoffMs(failuresSoFar - 1, BACKOFF, random())
}
