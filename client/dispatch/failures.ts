import { type ErrorCode, InferenceError } from '../../protocol/index.ts'
/** A failed attempt. */
export interface Failure {
  /** The peer id as text. */
  readonly peer: string
  /** The peer's operator tag: free to invent, so it may show two peers to be one, never the other way round. */
  readonly operator: string
  readonly error: InferenceError
}

/** Verdicts on the request itself. One peer's word is not the last. */
const CLAIMS: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'capability_unavailable',
  'context_too_long',
])

/** Refusals that pass: the same peer may well answer in a while. */
export const BUSY: ReadonlySet<ErrorCode> = new Set(['over_capacity', 'rate_limited', 'loading'])

/** After these the same peer may be asked again, where no other is left. */
const REPEATABLE: ReadonlySet<ErrorCode> = new Set([
  ...BUSY,
  'stream_reset',
  'stalled',
  'truncated',
  'engine_failed',
  'internal',
])

export function mayRepeat({ error }: Failure): boolean {
  return REPEATABLE.has(error.code)
}

/**
 * The failure that ends the request, if the newest one does: a claim that an independent second peer shares, or an
 * engine's failure at two peers, as it may be the request that kills engines.
 */
export function fatal(failures: readonly Failure[]): InferenceError | undefined {
  const last = failures.at(-1)
  if (last === undefined) return undefined
  const { code } = last.error
  if (!CLAIMS.has(code) && code !== 'engine_failed') return undefined
  // One that names a time was down before the request came.
  if (code === 'engine_failed' && last.error.retryAfterMs !== undefined) return undefined
  const confirmed = failures.some((other) => other.error.code === code && independent(other, last))
  return confirmed ? last.error : undefined
}

function independent(a: Failure, b: Failure): boolean {
  return a.peer !== b.peer && (a.operator === '' || a.operator !== b.operator)
}

/** Tokens of the prompt as the peers that found it too long counted them. */
export function claimedPromptTokens(failures: readonly Failure[]): number | undefined {
  const claims = failures.flatMap(({ error }) =>
    error.code === 'context_too_long' ? [error.details.promptTokens ?? 0] : [],
  )
  return claims.length === 0 ? undefined : Math.max(...claims)
}

/**
 * What to tell the caller when nobody is left to ask: that a peer is busy, as it may answer yet and a claim that no
 * second peer shares must not make the caller give up; else what the request can be blamed for; else the last failure.
 */
export function conclude(failures: readonly Failure[]): InferenceError {
  const newest = failures.toReversed().map(({ error }) => error)
  const chosen =
    newest.find(({ code }) => BUSY.has(code)) ??
    newest.find(({ code }) => CLAIMS.has(code)) ??
    newest.find(({ code }) => code === 'engine_failed') ??
    newest[0]
  if (chosen === undefined) return new InferenceError('internal', 'no attempt was made')
  const peers = new Set(failures.map(({ peer }) => peer)).size
  if (failures.length === 1 || CLAIMS.has(chosen.code)) return chosen
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

/** The first wait before asking the same peer again. */
const BACKOFF_MS = 100
/** An answer that is broken off again and again by the same peer still goes on. */
const MAX_BACKOFF_MS = 2_000

/** How long to leave a peer alone: what it asked for, else doubling with each attempt, jittered by half. */
export function pauseMs({ error }: Failure, failuresSoFar: number, random: () => number): number {
  const jitter = 0.75 + random() / 2
  const backoffMs = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (failuresSoFar - 1))
  return error.retryAfterMs ?? backoffMs * jitter
}
