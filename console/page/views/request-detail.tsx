import type { JSX } from 'preact'
import type { RequestView } from '../../state.ts'
import { clockTime, words } from '../format.ts'
import { Copy } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { Timeline } from './timeline.tsx'

const TEXT = STRINGS.requests

/** One request: its timeline, and the facts about it. */
export function RequestDetail({ request }: { readonly request: RequestView }): JSX.Element {
  return (
    <section class="block detail" aria-labelledby="detail">
      <div class="heading">
        <h2 id="detail">
          {TEXT.detail} · {request.model} · {clockTime(request.startedAt)}
        </h2>
        <Copy text={JSON.stringify(request, null, 2)} label={TEXT.copyJson} />
      </div>
      <Timeline request={request} />
      <dl class="facts">
        {factsOf(request).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {request.prompt !== undefined && (
        <>
          <h3>{TEXT.prompt}</h3>
          <pre>{request.prompt}</pre>
        </>
      )}
    </section>
  )
}

function factsOf(request: RequestView): (readonly [string, string])[] {
  const { facts } = TEXT
  const { policy, resumes } = request
  if (request.status === 'running') {
    return [
      [facts.policy, policy],
      [facts.resumes, TEXT.resumed(resumes)],
    ]
  }
  const { usage, cost, exact, message, verification } = request
  const beyond = cost.promptTokens + cost.completionTokens
  const resumed = `${TEXT.resumed(resumes)}${resumes > 0 ? `, ${exact ? TEXT.exact : TEXT.inexact}` : ''}`
  const all: readonly (readonly [string, string | undefined])[] = [
    [facts.message, message],
    [facts.policy, policy],
    [facts.usage, usage && TEXT.usage(usage.promptTokens, usage.completionTokens)],
    [facts.resumes, resumed],
    [facts.cost, beyond === 0 ? TEXT.noCost : TEXT.cost(beyond, cost.attempts)],
    [facts.verification, verification && words(verification.status)],
    [facts.id, request.requestId],
  ]
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}
