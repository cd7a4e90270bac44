import type { AttemptRecord } from '../../protocol/index.ts'

/** How an answer was produced, as far as known when its headers are sent. */
export interface Served {
  readonly peerId: string
  /** Its swarm. Absent if the client is in one only. */
  readonly swarm?: string
  /** Those that have ended. */
  readonly attempts: readonly AttemptRecord[]
  /** All attempts, including a running one. */
  readonly attemptCount: number
  /** Times that the answer was resumed elsewhere. */
  readonly resumes: number
  readonly ttftMs?: number
}

/** The `x-skein-*` headers. */
export function servedHeaders(served: Served): Record<string, string> {
  const { peerId, swarm, attempts, attemptCount, resumes, ttftMs } = served
  const hedged = attempts.some(
    ({ reason, outcome }) => reason === 'hedge' || outcome === 'superseded',
  )
  return {
    'x-skein-peer': peerId,
    ...(swarm !== undefined && { 'x-skein-swarm': swarm }),
    'x-skein-attempts': String(attemptCount),
    'x-skein-hedged': String(hedged),
    'x-skein-resumed': String(resumes),
    ...(ttftMs !== undefined && { 'x-skein-ttft-ms': ttftMs.toFixed(1) }),
  }
}
