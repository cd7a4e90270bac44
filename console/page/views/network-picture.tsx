import type { JSX } from 'preact'
import type { PeerView } from '../../state.ts'
import { colours } from '../colours.ts'
import { shortId } from '../format.ts'
import { STRINGS } from '../strings.ts'
import { useWidth } from '../use-width.ts'

const TEXT = STRINGS.survival
/** Before it is measured. */
const USUAL_WIDTH = 560
/** Height ÷ width. */
const SHAPE = 0.55
const MIN_HEIGHT = 280
const MAX_HEIGHT = 420
/** More peers than this have no labels: they would cover each other. */
const MAX_LABELLED = 24
/** Peers on one ring; others go on a wider one. */
const PER_RING = 36

interface Point {
  readonly x: number
  readonly y: number
}

interface Size {
  readonly width: number
  readonly height: number
}

/**
 * This machine in the middle, peers around it: nearer if their round trip is shorter. A unit of the picture is a pixel of
 * the screen, so that its texts have the size of the page's.
 */
export function NetworkPicture({ peers }: { readonly peers: readonly PeerView[] }): JSX.Element {
  const [ref, width] = useWidth<SVGSVGElement>(USUAL_WIDTH)
  const height = Math.round(Math.min(MAX_HEIGHT, Math.max(MIN_HEIGHT, SHAPE * width)))
  const [self, ...others] = peers
  const points = new Map(
    others.map((peer, index) => [peer.peerId, pointOf(peer, index, others, { width, height })]),
  )
  const centre = { x: width / 2, y: height / 2 }
  const isLabelled = others.length <= MAX_LABELLED
  return (
    <figure class="network">
      <svg
        ref={ref}
        viewBox={`0 0 ${width} ${height}`}
        style={{ height: `${height}px` }}
        role="img"
        aria-label={TEXT.picture(others.length)}
      >
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
        {others.map((peer) => {
          const at = points.get(peer.peerId) ?? centre
          const isAbove = at.y < centre.y
          return (
            <Dot key={peer.peerId} peer={peer} at={at} isLabelled={isLabelled} isAbove={isAbove} />
          )
        })}
        {self !== undefined && <Dot peer={self} at={centre} isLabelled isAbove={false} />}
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

function pointOf(
  peer: PeerView,
  index: number,
  all: readonly PeerView[],
  { width, height }: Size,
): Point {
  const ring = Math.floor(index / PER_RING)
  const onRing = Math.min(PER_RING, all.length - ring * PER_RING)
  // At the left, so that no line runs through the name below this machine; three peers need another turn.
  const first = (all.length === 3 ? 0.97 : 1.14) * Math.PI
  const angle = ((index % PER_RING) / onRing) * 2 * Math.PI + ring * 0.1 + first
  const far = Math.min(1, Math.log10(1 + (peer.rttMs ?? 300)) / Math.log10(301))
  const reach = 0.7 + 0.16 * far + 0.14 * ring
  return {
    x: width / 2 + Math.cos(angle) * reach * (width / 2 - 40),
    y: height / 2 + Math.sin(angle) * reach * (height / 2 - 36),
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
  isAbove,
}: {
  readonly peer: PeerView
  readonly at: Point
  readonly isLabelled: boolean
  /** Whether the name is above the dot, away from the line to the middle. */
  readonly isAbove: boolean
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
        <text class="name" x={at.x} y={isAbove ? at.y - radius - 9 : at.y + radius + 18}>
          {isSelf ? STRINGS.thisMachine : shortId(peerId)}
        </text>
      )}
    </g>
  )
}
