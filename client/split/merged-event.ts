import { defined, drawHex } from '../../protocol/index.ts'
import { type Agreement, mergedVerification, type RequestEvent } from '../request/index.ts'

/** The record of a split call: total cost, earliest first chunk, and the weakest agreement and verification of its parts. */
export function mergedEvent(
  events: readonly RequestEvent[],
  end: Pick<RequestEvent, 'durationMs' | 'outcome' | 'startedAt' | 'usage'>,
): RequestEvent | undefined {
  const [first] = events
  if (first === undefined) return undefined
  const sinceMs = (event: RequestEvent): number => Math.max(0, event.startedAt - end.startedAt)
  const ttfts = events.flatMap((event) =>
    event.ttftMs === undefined ? [] : [sinceMs(event) + event.ttftMs],
  )
  const answeredBy = events.find((event) => event.answeredBy !== undefined)?.answeredBy
  const agreement = weakest(events)
  const verification = mergedVerification(
    events.flatMap((event) => (event.outcome === 'answered' ? (event.verification ?? []) : [])),
  )
  return {
    requestId: drawHex(12),
    kind: first.kind,
    model: first.model,
    policy: first.policy,
    resume: first.resume,
    ...end,
    ...(answeredBy !== undefined && { answeredBy }),
    estimatedPromptTokens: sum(events, ({ estimatedPromptTokens }) => estimatedPromptTokens),
    ...(ttfts.length > 0 && { ttftMs: Math.min(...ttfts) }),
    attempts: events.flatMap((event) =>
      event.attempts.map((attempt) => ({
        ...attempt,
        startedMs: attempt.startedMs + sinceMs(event),
      })),
    ),
    resumes: sum(events, ({ resumes }) => resumes),
    exact: events.every(({ exact }) => exact),
    ...(events.some(({ usageEstimated }) => usageEstimated) && { usageEstimated: true as const }),
    cost: {
      attempts: sum(events, ({ cost }) => cost.attempts),
      promptTokens: sum(events, ({ cost }) => cost.promptTokens),
      completionTokens: sum(events, ({ cost }) => cost.completionTokens),
      estimated: events.some(({ cost }) => cost.estimated),
    },
    ...defined({ agreement, verification }),
  }
}

function weakest(events: readonly RequestEvent[]): Agreement | undefined {
  const known = events.flatMap(({ agreement }) => agreement ?? [])
  return known.sort((a, b) => a.agreeing - b.agreeing)[0]
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
