import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { PeerView } from '../../state.ts'
import { act } from '../connection.ts'
import type { PageProps } from '../page-props.ts'
import { hrefOf } from '../pages.ts'
import { Empty, Heading, PeerName } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.peers

/** Every known peer, with its path, load and standing. */
export function PeersPage({ state }: PageProps): JSX.Element {
  const [note, setNote] = useState('')
  const { peers } = state
  const forget = async (peer: string): Promise<void> => {
    try {
      const { forgotten } = await act<{ forgotten: number }>({ action: 'forget', peer })
      setNote(TEXT.forgotten(forgotten))
    } catch (error) {
      setNote(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <>
      <Heading title={TEXT.title} intro={TEXT.intro} />
      <p class="quiet" role="status">
        {note}
      </p>
      <div class="scroller">
        <table>
          <thead>
            <tr>
              <th scope="col">{TEXT.columns.peer}</th>
              <th scope="col">{TEXT.columns.models}</th>
              <th scope="col">{TEXT.columns.path}</th>
              <th scope="col">{TEXT.columns.load}</th>
              <th scope="col">{TEXT.columns.standing}</th>
              <th scope="col">
                <span class="hidden">{TEXT.columns.action}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {peers.map((peer) => (
              <Row
                key={`${peer.swarm ?? ''}/${peer.peerId}`}
                peer={peer}
                onForget={() => void forget(peer.peerId)}
              />
            ))}
          </tbody>
        </table>
      </div>
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

function Row({
  peer,
  onForget,
}: {
  readonly peer: PeerView
  readonly onForget: () => void
}): JSX.Element {
  const { peerId, swarm, isSelf, models, operator, path, rttMs, standing, address, network } = peer
  const note = [swarm, operator].filter((text) => text !== undefined && text !== '').join(' · ')
  return (
    <tr>
      <td>
        <PeerName peerId={peerId} note={note === '' ? undefined : note} />
      </td>
      <td>
        {models.length === 0 ? (
          <span class="quiet">{isSelf ? TEXT.sharesNothing : TEXT.introduces}</span>
        ) : (
          <strong>{models.join(', ')}</strong>
        )}
      </td>
      <td title={address}>
        {TEXT.paths[path]}
        {rttMs !== undefined && !isSelf && <span class="quiet"> {STRINGS.survival.ms(rttMs)}</span>}
        <span class="quiet small">{network}</span>
      </td>
      <td>{loadOf(peer)}</td>
      <td>
        {models.length > 0 && (
          <>
            <span class={`badge ${TONES[standing.state]}`}>{TEXT.standings[standing.state]}</span>
            {standing.audits > 0 && <span class="quiet small">{TEXT.audits(standing.audits)}</span>}
            {standing.words.map((line) => (
              <span key={line} class="quiet small">
                {line}
              </span>
            ))}
          </>
        )}
      </td>
      <td>
        {standing.audits > 0 && (
          <button type="button" class="plain" title={TEXT.forgetHint} onClick={onForget}>
            {TEXT.forget}
          </button>
        )}
      </td>
    </tr>
  )
}

const TONES = { newcomer: 'neutral', proven: 'good', suspect: 'bad', quarantined: 'bad' } as const

function loadOf({ load, slots, error, models }: PeerView): string {
  if (error !== undefined) return error
  if (load === undefined || models.length === 0) return '–'
  const running = load.inFlight === 0 ? TEXT.idle : TEXT.busy(load.inFlight, slots)
  return load.queueDepth > 0 ? `${running}, ${TEXT.queued(load.queueDepth)}` : running
}
