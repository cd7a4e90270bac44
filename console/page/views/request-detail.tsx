import type { JSX } from 'preact'
import type { RequestView } from '../../state.ts'
import { clockTime, words } from '../format.ts'
import { Copy, Detail, type Fact, Facts } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { Timeline } from './timeline.tsx'

const TEXT = STRINGS.requests

/** One request: its timeline, and the facts about it. */
export function RequestDetail({ request }: { readonly request: RequestView }): JSX.Element {
  return (
    <Detail
      page="requests"
      title={`${TEXT.detail} · ${request.model} · ${clockTime(request.startedAt)}`}
      actions={<Copy text={() => JSON.stringify(request, null, 2)} label={TEXT.copyJson} />}
    >
      <Timeline request={request} />
      <Facts facts={factsOf(request)} />
      {request.prompt !== undefined && (
        <>
          <h3>{TEXT.prompt}</h3>
          <pre>{request.prompt}</pre>
        </>
      )}
    </Detail>
  )
}

/** Reasons of attempts that run beside another. */
const HEDGES: ReadonlySet<string> = new Set(['hedge', 'slow', 'stall'])

function factsOf(request: RequestView): readonly Fact[] {
  const { facts } = TEXT
  const { policy, resumes } = request
  if (request.status === 'running') {
    return [
      [facts.policy, policy],
      [facts.resumes, TEXT.resumed(resumes)],
    ]
  }
  const { usage, cost, exact, message, verification, agreement, attempts } = request
  const hedges = attempts.filter(({ reason }) => HEDGES.has(reason))
  const beyond = cost.promptTokens + cost.completionTokens
  const resumed = `${TEXT.resumed(resumes)}${resumes > 0 ? `, ${exact ? TEXT.exact : TEXT.inexact}` : ''}`
  return [
    [facts.message, message],
    [facts.policy, policy],
    [facts.usage, usage && TEXT.usage(usage.promptTokens, usage.completionTokens)],
    [facts.resumes, resumed],
    [
      facts.hedges,
      hedges.length === 0
        ? undefined
        : TEXT.hedged(
            hedges.length,
            hedges.some(({ outcome }) => outcome === 'answered'),
          ),
    ],
    [facts.agreement, agreement && TEXT.agreed(agreement.agreeing, agreement.answers)],
    [facts.cost, beyond === 0 ? TEXT.noCost : TEXT.cost(beyond, cost.attempts)],
    [facts.verification, verification && words(verification.status)],
    [facts.id, request.requestId],
  ]
}
