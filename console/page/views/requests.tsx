import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { RequestView } from '../../state.ts'
import { words } from '../format.ts'
import type { PageProps } from '../page-props.ts'
import { hrefOf } from '../pages.ts'
import { Empty, Heading } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { RequestDetail } from './request-detail.tsx'
import { RequestRows } from './request-rows.tsx'

const TEXT = STRINGS.requests

/** The requests, newest first, and the timeline of the chosen one. */
export function RequestsPage({ state, detail }: PageProps): JSX.Element {
  const [filter, setFilter] = useState('')
  const { requests, self } = state
  const recordsPrompts = self.recordsPrompts === true
  const isChosen = ({ requestId }: RequestView): boolean => requestId === detail
  const wanted = filter.trim().toLowerCase()
  const shown = wanted === '' ? requests : requests.filter((request) => matches(request, wanted))
  // It stays while it is read, even if the list has dropped it.
  const read = useRef<readonly RequestView[]>([])
  const chosen = requests.find(isChosen) ?? read.current.find(isChosen)
  read.current = chosen === undefined ? [] : [chosen]
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro(recordsPrompts)} />
      {recordsPrompts && <p class="notice calm">{TEXT.recording}</p>}
      {requests.length === 0 ? (
        <Empty title={TEXT.none.title} text={TEXT.none.text}>
          <a class="button" href={hrefOf('playground')}>
            {TEXT.none.action}
          </a>
        </Empty>
      ) : (
        <>
          {chosen !== undefined && <RequestDetail key={detail} request={chosen} />}
          <label class="filter">
            <span class="hidden">{TEXT.filter}</span>
            <input
              type="search"
              placeholder={TEXT.filter}
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
          </label>
          {/* Another filter is another list. */}
          <RequestRows key={wanted} requests={shown} chosen={detail} />
          {shown.length === 0 && <p class="quiet">{TEXT.noMatch}</p>}
        </>
      )}
    </>
  )
}

/** @param wanted in lower case */
function matches(request: RequestView, wanted: string): boolean {
  const { model, attempts, status } = request
  const outcome = status === 'ended' ? words(request.outcome) : status
  const running = request.status === 'running' ? request.running : []
  const peers = [...attempts, ...running].map(({ peerId }) => peerId)
  return [model, outcome, ...peers].some((text) => text.toLowerCase().includes(wanted))
}
