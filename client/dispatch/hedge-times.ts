import type { Progress } from '../../protocol/index.ts'
import type { Router } from '../peers/index.ts'
import type { AttemptRun } from './attempt-run.ts'
import type { Choice } from './choice.ts'
import type { Opener } from './opener.ts'

interface Around {
  readonly nowMs: number
  readonly router: Pick<Router, 'expectedTtftMs' | 'hedgeAfterMs'>
  readonly opener: Pick<Opener, 'selection' | 'ttftTimeoutMs'>
}

/** When a second attempt, and when a further one, is worth its cost if this one has sent nothing by then. */
export function hedgeTimesAfterChoice(
  { candidate }: Choice,
  { nowMs, router, opener }: Around,
): { readonly hedgeAtMs: number; readonly overdueAtMs: number } {
  const { selection } = opener
  const afterMs = router.hedgeAfterMs(candidate, selection.routing(), selection.candidates())
  return {
    hedgeAtMs: nowMs + afterMs,
    overdueAtMs: nowMs + Math.max(afterMs, opener.ttftTimeoutMs(candidate)),
  }
}

/**
 * When to ask another peer although this one reports progress.
 *
 * @returns undefined if the report changes nothing: it shows no pace, or another peer could begin sooner
 */
export function hedgeTimeAfterReport(
  attempt: AttemptRun,
  progress: Progress,
  { nowMs, router, opener }: Around,
): number | undefined {
  const restMs = attempt.prefill.restMs(progress, nowMs)
  if (restMs === undefined) return undefined
  const { selection } = opener
  const others = selection.candidates().filter(({ key }) => key !== attempt.candidate?.key)
  const request = selection.routing()
  const soonestMs = Math.min(...others.map((other) => router.expectedTtftMs(other, request)))
  if (restMs > soonestMs) return undefined
  return Math.min(attempt.overdueAtMs, attempt.prefill.waitUntilMs(restMs, nowMs))
}
