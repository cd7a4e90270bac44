import type { JSX } from 'preact'
import type { PeerView } from '../../state.ts'
import type { PageProps } from '../page-props.ts'
import { hrefOf } from '../pages.ts'
import { Empty, Heading, PeerName, steady } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'
import { PeerDetail } from './peer-detail.tsx'

const TEXT = STRINGS.peers

/** Every known peer, with its path, load and standing, and the chosen one in detail. */
export function PeersPage({ state: { peers }, detail }: PageProps): JSX.Element {
  const chosen = peers.find(({ peerId }) => peerId === detail)
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      {chosen !== undefined && <PeerDetail key={detail} peer={chosen} />}
      <Table peers={peers} chosen={detail} />
      {peers.length <= 1 && (
        <Empty title={TEXT.none.title} text={TEXT.none.text}>
          <a class="button" href={hrefOf('join')}>
            {TEXT.none.action}
          </a>
        </Empty>
      )}
    </>
  )
}

const Table = steady(function Table({
  peers,
  chosen,
}: {
  readonly peers: readonly PeerView[]
  readonly chosen: string
}): JSX.Element {
  const { columns } = TEXT
  return (
    <div class="scroller">
      <table class="all-peers">
        <thead>
          <tr>
            <th scope="col">{columns.peer}</th>
            <th scope="col">{columns.models}</th>
            <th scope="col">{columns.path}</th>
            <th scope="col">{columns.load}</th>
            <th scope="col">{columns.version}</th>
            <th scope="col">{columns.standing}</th>
          </tr>
        </thead>
        <tbody>
          {peers.map((peer) => (
            <Row
              key={`${peer.swarm ?? ''}/${peer.peerId}`}
              peer={peer}
              isChosen={peer.peerId === chosen}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
})

const Row = steady(function Row({
  peer,
  isChosen,
}: {
  readonly peer: PeerView
  readonly isChosen: boolean
}): JSX.Element {
  const { peerId, swarm, isSelf, models, operator, path, rttMs, network, connected, version } = peer
  const none = isSelf ? TEXT.sharesNothing : connected ? TEXT.introduces : TEXT.notSeen
  return (
    <tr class={isChosen ? 'chosen' : undefined}>
      <td>
        <a href={hrefOf('peers', peerId)} aria-current={isChosen ? 'true' : undefined}>
          <PeerName peerId={peerId} />
        </a>
        {swarm !== undefined && <span class="quiet small">{swarm}</span>}
        {operator !== '' && <span class="quiet small">{operator}</span>}
      </td>
      <td>
        {models.length === 0 ? (
          <span class="quiet">{none}</span>
        ) : (
          <strong>{models.join(', ')}</strong>
        )}
      </td>
      <td>
        {TEXT.paths[path]}
        {rttMs !== undefined && !isSelf && <span class="quiet"> {STRINGS.survival.ms(rttMs)}</span>}
        {!isSelf && connected && <span class="quiet small">{network}</span>}
      </td>
      <td>{loadOf(peer)}</td>
      <td class="quiet">{version ?? '–'}</td>
      <td>
        <Standing peer={peer} />
      </td>
    </tr>
  )
})

function Standing({ peer }: { readonly peer: PeerView }): JSX.Element {
  const { mark, standing, models } = peer
  return (
    <>
      {mark !== undefined && (
        <span class={`badge ${mark === 'denied' ? 'bad' : 'good'}`}>{TEXT.marks[mark]}</span>
      )}{' '}
      {models.length > 0 && !peer.isSelf && (
        <span class={`badge ${TONES[standing.state]}`}>{TEXT.standings[standing.state]}</span>
      )}
      {standing.audits > 0 && <span class="quiet small">{TEXT.audits(standing.audits)}</span>}
    </>
  )
}

const TONES = { newcomer: 'neutral', proven: 'good', suspect: 'bad', quarantined: 'bad' } as const

function loadOf({ load, slots, error, models }: PeerView): string {
  if (error !== undefined) return error
  if (load === undefined || models.length === 0) return '–'
  const running = load.inFlight === 0 ? TEXT.idle : TEXT.busy(load.inFlight, slots)
  return load.queueDepth > 0 ? `${running}, ${TEXT.queued(load.queueDepth)}` : running
}
