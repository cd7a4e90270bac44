import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { RequestView } from '../../state.ts'
import { clockTime, words } from '../format.ts'
import { hrefOf } from '../pages.ts'
import { Copy } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { Timeline } from './timeline.tsx'

const TEXT = STRINGS.requests

/** One request: its timeline, and the facts about it. */
export function RequestDetail({ request }: { readonly request: RequestView }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  return (
    <section class="block detail" aria-labelledby="detail">
      <div class="heading">
        <h2 id="detail" tabIndex={-1} ref={heading}>
          {TEXT.detail} · {request.model} · {clockTime(request.startedAt)}
        </h2>
        <div class="actions">
          <Copy text={() => JSON.stringify(request, null, 2)} label={TEXT.copyJson} />
          <a class="button plain" href={hrefOf('requests')}>
            {STRINGS.close}
          </a>
        </div>
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

/** Reasons of attempts that run beside another. */
const HEDGES: ReadonlySet<string> = new Set(['hedge', 'slow', 'stall'])

function factsOf(request: RequestView): (readonly [string, string])[] {
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
  const all: readonly (readonly [string, string | undefined])[] = [
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
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}
