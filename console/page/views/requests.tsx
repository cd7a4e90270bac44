import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { RequestView } from '../../state.ts'
import { clockTime, duration, words } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { hrefOf } from '../pages.ts'
import { Empty, Heading, Outcome, PeerName } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { RequestDetail } from './request-detail.tsx'

const TEXT = STRINGS.requests
/** Rows drawn; the filter finds the others. */
const MAX_ROWS = 100

/** The requests, newest first, and the timeline of the chosen one. */
export function RequestsPage({ state, detail }: PageProps): JSX.Element {
  const [filter, setFilter] = useState('')
  const { requests } = state
  const shown = requests.filter((request) => matches(request, filter)).slice(0, MAX_ROWS)
  const chosen = requests.find(({ requestId }) => requestId === detail)
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      {requests.length === 0 ? (
        <Empty title={TEXT.none.title} text={TEXT.none.text}>
          <a class="button" href={hrefOf('playground')}>
            {TEXT.none.action}
          </a>
        </Empty>
      ) : (
        <>
          {chosen !== undefined && <RequestDetail request={chosen} />}
          <label class="filter">
            <span class="hidden">{TEXT.filter}</span>
            <input
              type="search"
              placeholder={TEXT.filter}
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
          </label>
          <Table shown={shown} chosen={detail} />
          {shown.length === 0 && <p class="quiet">{TEXT.noMatch}</p>}
        </>
      )}
    </>
  )
}

function Table({
  shown,
  chosen,
}: {
  readonly shown: readonly RequestView[]
  readonly chosen: string
}): JSX.Element {
  const { columns } = TEXT
  return (
    <div class="scroller">
      <table class="requests">
        <thead>
          <tr>
            <th scope="col">{columns.time}</th>
            <th scope="col">{columns.model}</th>
            <th scope="col">{columns.outcome}</th>
            <th scope="col">{columns.attempts}</th>
            <th scope="col" class="number">
              {columns.first}
            </th>
            <th scope="col" class="number">
              {columns.total}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((request) => (
            <Row
              key={request.requestId}
              request={request}
              isChosen={request.requestId === chosen}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({
  request,
  isChosen,
}: {
  readonly request: RequestView
  readonly isChosen: boolean
}): JSX.Element {
  const { requestId, startedAt, model, attempts, ttftMs } = request
  const isRunning = request.status === 'running'
  const outcome = isRunning ? 'running' : request.outcome
  const peers = [...attempts, ...(isRunning ? request.running : [])].map(({ peerId }) => peerId)
  return (
    <tr class={isChosen ? 'chosen' : undefined}>
      <td>
        <a href={hrefOf('requests', requestId)} aria-current={isChosen ? 'true' : undefined}>
          <time>{clockTime(startedAt)}</time>
        </a>
      </td>
      <td class="model">{model}</td>
      <td>
        <Outcome code={outcome} />
      </td>
      <td>
        <div class="peers">
          {[...new Set(peers)].slice(0, 4).map((peerId) => (
            <PeerName key={peerId} peerId={peerId} />
          ))}
        </div>
      </td>
      <td class="number">{duration(ttftMs)}</td>
      <td class="number">{isRunning ? TEXT.running : duration(request.durationMs)}</td>
    </tr>
  )
}

function matches(request: RequestView, filter: string): boolean {
  const wanted = filter.trim().toLowerCase()
  if (wanted === '') return true
  const { model, attempts, status } = request
  const outcome = status === 'ended' ? words(request.outcome) : status
  const peers = attempts.map(({ peerId }) => peerId)
  return [model, outcome, ...peers].some((text) => text.toLowerCase().includes(wanted))
}
