import type { JSX } from 'preact'
import type { PeerView } from '../../state.ts'
import { colours } from '../colours.ts'
import { shortId } from '../format.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.survival
const WIDTH = 720
const HEIGHT = 380
/** More peers than this have no labels: they would cover each other. */
const MAX_LABELLED = 24
/** Peers on one ring; others go on a wider one. */
const PER_RING = 36

interface Point {
  readonly x: number
  readonly y: number
}

/** This machine in the middle, peers around it: nearer if their round trip is shorter. */
export function NetworkPicture({ peers }: { readonly peers: readonly PeerView[] }): JSX.Element {
  const [self, ...others] = peers
  const points = new Map(others.map((peer, index) => [peer.peerId, pointOf(peer, index, others)]))
  const centre = { x: WIDTH / 2, y: HEIGHT / 2 }
  const isLabelled = others.length <= MAX_LABELLED
  return (
    <figure class="network">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={TEXT.picture(others.length)}>
        {others.map((peer) => (
          <Path
            key={peer.peerId}
            peer={peer}
            from={centre}
            to={points.get(peer.peerId) ?? centre}
            via={peer.relay === undefined ? undefined : points.get(peer.relay)}
            isLabelled={isLabelled}
          />
        ))}
        {others.map((peer) => (
          <Dot
            key={peer.peerId}
            peer={peer}
            at={points.get(peer.peerId) ?? centre}
            isLabelled={isLabelled}
          />
        ))}
        {self !== undefined && <Dot peer={self} at={centre} isLabelled />}
      </svg>
      <figcaption>
        <span class="key line">{TEXT.legend.direct}</span>
        <span class="key dashed">{TEXT.legend.relayed}</span>
        <span class="key hollow">{TEXT.legend.introduces}</span>
        <span class="key ring">{TEXT.legend.busy}</span>
      </figcaption>
    </figure>
  )
}

function pointOf(peer: PeerView, index: number, all: readonly PeerView[]): Point {
  const ring = Math.floor(index / PER_RING)
  const onRing = Math.min(PER_RING, all.length - ring * PER_RING)
  // Begins at the upper left, so that no line runs through the name below this machine.
  const angle = ((index % PER_RING) / onRing) * 2 * Math.PI + ring * 0.1 - Math.PI * 0.86
  const far = Math.min(1, Math.log10(1 + (peer.rttMs ?? 300)) / Math.log10(301))
  const reach = 0.7 + 0.16 * far + 0.14 * ring
  return {
    x: WIDTH / 2 + Math.cos(angle) * reach * (WIDTH / 2 - 60),
    y: HEIGHT / 2 + Math.sin(angle) * reach * (HEIGHT / 2 - 36),
  }
}

function Path({
  peer,
  from,
  to,
  via,
  isLabelled,
}: {
  readonly peer: PeerView
  readonly from: Point
  readonly to: Point
  readonly via: Point | undefined
  readonly isLabelled: boolean
}): JSX.Element | null {
  if (!peer.connected) return null
  const kind = peer.path === 'relayed' ? 'path relayed' : 'path'
  const bend = via === undefined ? '' : `L${via.x} ${via.y}`
  // Nearer to the peer: there is more room.
  const middle = { x: from.x + (to.x - from.x) * 0.58, y: from.y + (to.y - from.y) * 0.58 }
  return (
    <g>
      <path class={kind} d={`M${from.x} ${from.y}${bend}L${to.x} ${to.y}`} />
      {isLabelled && peer.rttMs !== undefined && (
        <text class="rtt" x={middle.x} y={middle.y - 5}>
          {TEXT.ms(peer.rttMs)}
        </text>
      )}
    </g>
  )
}

function Dot({
  peer,
  at,
  isLabelled,
}: {
  readonly peer: PeerView
  readonly at: Point
  readonly isLabelled: boolean
}): JSX.Element {
  const { peerId, isSelf, models, load, slots, error } = peer
  const serves = models.length > 0
  const radius = isSelf ? 15 : serves ? 11 : 6
  const running = load?.inFlight ?? 0
  const share = slots === 0 ? 0 : Math.min(1, running / slots)
  const ring = radius + 5
  const around = 2 * Math.PI * ring
  const kind = `node ${colours.classOf(peerId)}${serves || isSelf ? '' : ' hollow'}${error === undefined ? '' : ' silent'}`
  return (
    <g class={kind}>
      <title>{`${peerId}\n${models.join(', ')}`}</title>
      {share > 0 && (
        <circle
          class="busy"
          cx={at.x}
          cy={at.y}
          r={ring}
          stroke-dasharray={`${share * around} ${around}`}
          transform={`rotate(-90 ${at.x} ${at.y})`}
        />
      )}
      <circle class="body" cx={at.x} cy={at.y} r={radius} />
      {isLabelled && (
        <text class="name" x={at.x} y={at.y + radius + 18}>
          {isSelf ? STRINGS.thisMachine : shortId(peerId)}
        </text>
      )}
    </g>
  )
}
