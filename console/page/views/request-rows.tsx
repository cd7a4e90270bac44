import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { RequestView } from '../../state.ts'
import { clockTime, duration } from '../format.ts'
import { hrefOf } from '../pages.ts'
import { Outcome, PeerName, steady } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { useHeld } from '../use-held.ts'
import { useWindow } from '../use-window.ts'
import { drawnRows } from './drawn-rows.ts'

const TEXT = STRINGS.requests
/** As in the style sheet. */
const ROW_PX = 44
const MAX_PEERS = 3

interface RowsProps {
  readonly requests: readonly RequestView[]
  /** Id of the request whose timeline is shown. */
  readonly chosen: string
}

/** The requests as rows of one height, of which those near the screen are drawn. They stand still while they are read. */
export function RequestRows({ requests, chosen }: RowsProps): JSX.Element {
  const [isPointed, setPointed] = useState(false)
  const [focused, setFocused] = useState<string | undefined>(undefined)
  const { ref, isScrolled, within } = useWindow<HTMLTableSectionElement>(ROW_PX)
  const { shown, fresh } = useHeld(requests, isPointed || focused !== undefined || isScrolled)
  const { first, end } = within(shown.length)
  const drawn = drawnRows(shown, { first, end, focused })
  const { columns } = TEXT
  return (
    <>
      <p class="fresh quiet small" aria-hidden={fresh === 0}>
        {fresh === 0 ? '' : TEXT.fresh(fresh)}
      </p>
      <div
        class="scroller"
        onPointerEnter={() => setPointed(true)}
        onPointerLeave={() => setPointed(false)}
        onFocusCapture={({ target }) => setFocused(rowOf(target))}
        onBlurCapture={() => setFocused(undefined)}
      >
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
          <tbody ref={ref}>
            {drawn.map((one) =>
              'rows' in one ? (
                <Space key={one.key} rows={one.rows} />
              ) : (
                <Row key={one.requestId} request={one} isChosen={one.requestId === chosen} />
              ),
            )}
          </tbody>
        </table>
      </div>
    </>
  )
}

/** @returns the id of the request in whose row the element is; empty in no row */
function rowOf(target: EventTarget | null): string {
  return (target as Element | null)?.closest('tr')?.dataset['request'] ?? ''
}

/** The place of rows that are not drawn. */
function Space({ rows }: { readonly rows: number }): JSX.Element {
  return (
    <tr class="space">
      <td colSpan={6} style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  )
}

/** Drawn again only when its request has changed. */
const Row = steady(function Row({
  request,
  isChosen,
}: {
  readonly request: RequestView
  readonly isChosen: boolean
}): JSX.Element {
  const { requestId, startedAt, model, attempts, ttftMs } = request
  const isRunning = request.status === 'running'
  const outcome = isRunning ? 'running' : request.outcome
  const all = [...attempts, ...(isRunning ? request.running : [])]
  const peers = [...new Set(all.map(({ peerId }) => peerId))]
  return (
    <tr class={isChosen ? 'chosen' : undefined} data-request={requestId}>
      <td>
        <a href={hrefOf('requests', requestId)} aria-current={isChosen ? 'true' : undefined}>
          <time>{clockTime(startedAt)}</time>
        </a>
      </td>
      <td class="model" title={model}>
        {model}
      </td>
      <td>
        <Outcome code={outcome} />
      </td>
      <td>
        <div class="peers">
          {peers.slice(0, MAX_PEERS).map((peerId) => (
            <PeerName key={peerId} peerId={peerId} />
          ))}
          {peers.length > MAX_PEERS && (
            <span class="quiet">{TEXT.morePeers(peers.length - MAX_PEERS)}</span>
          )}
        </div>
      </td>
      <td class="number">{duration(ttftMs)}</td>
      <td class="number">{isRunning ? TEXT.running : duration(request.durationMs)}</td>
    </tr>
  )
})
