import {
  InferenceError,
  type ScoreRequest,
  type ScoreResponse,
  type Usage,
} from '../../../protocol/index.ts'
import { type Clock, flattened, openScope } from '../../../timing/index.ts'
import type { Answered, AttemptSource } from '../../attempt/index.ts'
import { type Candidate, encodeRequest, type RequestLimits } from '../../request/index.ts'
import type { Scored } from './rating.ts'

/** What one event of a scorer adds. */
interface ScorePart {
  readonly response?: ScoreResponse | undefined
  readonly usage?: Usage
}

export interface ScoreAtInit {
  readonly attempt: AttemptSource
  /** @default the system clock */
  readonly clock?: Clock | undefined
  readonly limits: RequestLimits
  /** Called after a complete rating, which earns a receipt. */
  readonly onAnswered?: ((answer: Answered) => void) | undefined
}

/**
 * Has one peer rate an answer, with a deadline. The form of the response is checked, not its truth.
 *
 * @throws InferenceError like an attempt; the signal's reason
 */
export async function scoreAt(
  { attempt, clock, limits, onAnswered }: ScoreAtInit,
  { peerId, model }: Pick<Candidate, 'model' | 'peerId'>,
  body: ScoreRequest,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Scored> {
  using scope = openScope(
    { timeoutMs: Math.min(limits.timeoutMs, options.timeoutMs), clock },
    options,
  )
  const { digest } = model
  const request = encodeRequest({ kind: 'score', body }, digest)
  const source = attempt(
    {
      peerId,
      request,
      limits,
      ...(onAnswered !== undefined && { onAnswered }),
      remainingMs: () => scope.remainingMs(),
    },
    { signal: scope.signal },
  )
  const events = flattened({ source, parts: (together) => together })
  return await collectScores(events, (event) => {
    if (event.type === 'done') return { usage: event.usage }
    return event.type === 'chunk' && event.chunk.kind === 'score' ? { response: event.chunk } : {}
  })
}

/**
 * The scores and the usage in a scorer's events.
 *
 * @throws InferenceError `truncated` without scores; what the events throw
 */
export async function collectScores<E>(
  events: AsyncIterable<E>,
  read: (event: E) => ScorePart,
): Promise<Scored> {
  let response: ScoreResponse | undefined
  let usage: Usage | undefined
  for await (const event of events) {
    const part = read(event)
    response = part.response ?? response
    usage = part.usage ?? usage
  }
  if (response !== undefined) return { ...response, usage }
  throw new InferenceError('truncated', 'the scorer returned no scores')
}
