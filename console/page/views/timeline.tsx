import type { JSX } from 'preact'
import type { RequestView } from '../../state.ts'
import { colours } from '../colours.ts'
import { duration } from '../format.ts'
import { Outcome, PeerName } from '../parts/index.ts'
import { STRINGS } from '../strings.ts'

const TEXT = STRINGS.requests

/** One lane: an attempt with its place in time. */
interface Lane {
  readonly peerId: string
  readonly reason: string
  readonly startedMs: number
  readonly durationMs: number
  readonly ttftMs?: number | undefined
  readonly tokens: number
  readonly outcome: string
  readonly message?: string | undefined
  readonly seam?: keyof typeof TEXT.seams | undefined
}

/** Attempts in lanes over one axis of time: waiting in a pale tone, writing in the peer's colour. */
export function Timeline({ request }: { readonly request: RequestView }): JSX.Element {
  const lanes = lanesOf(request)
  const totalMs = Math.max(1, ...lanes.map((lane) => lane.startedMs + lane.durationMs))
  return (
    <ol class="lanes" aria-label={TEXT.timeline(lanes.length)}>
      {lanes.map((lane) => (
        <LaneRow key={`${lane.peerId}/${lane.startedMs}`} lane={lane} totalMs={totalMs} />
      ))}
      <li class="axis" aria-hidden="true">
        <span />
        <span class="ticks">
          <span>0</span>
          <span>{duration(totalMs / 2)}</span>
          <span>{duration(totalMs)}</span>
        </span>
        <span />
      </li>
    </ol>
  )
}

function LaneRow({
  lane,
  totalMs,
}: {
  readonly lane: Lane
  readonly totalMs: number
}): JSX.Element {
  const { peerId, reason, startedMs, durationMs, ttftMs, tokens, outcome, message, seam } = lane
  const percent = (ms: number): string => `${(ms / totalMs) * 100}%`
  const waitedMs = ttftMs ?? durationMs
  const isSeam = reason === 'resume' && ttftMs !== undefined
  // An attempt that wrote nothing has no seam in the answer.
  const joined = seam !== undefined && tokens > 0 ? TEXT.seams[seam] : undefined
  const why = [joined, message].filter((one) => one !== undefined).join(' · ')
  return (
    <li class={`lane ${colours.classOf(peerId)}`}>
      <span class="who">
        <PeerName peerId={peerId} />
        <span class="quiet">{TEXT.reasons[reason] ?? reason}</span>
      </span>
      <span class="track">
        {isSeam && <span class="seam" style={{ left: percent(startedMs + waitedMs) }} />}
        <span class="waiting" style={{ left: percent(startedMs), width: percent(waitedMs) }} />
        {ttftMs !== undefined && (
          <span
            class="writing"
            title={`${TEXT.firstToken}: ${duration(ttftMs)}`}
            style={{ left: percent(startedMs + ttftMs), width: percent(durationMs - ttftMs) }}
          />
        )}
      </span>
      <span class="what">
        <Outcome code={outcome} />
        <span class="quiet number">{TEXT.wroteTokens(tokens)}</span>
      </span>
      {why !== '' && <span class="why quiet">{why}</span>}
    </li>
  )
}

function lanesOf(request: RequestView): readonly Lane[] {
  const ended = request.attempts.map((attempt) => ({ ...attempt, tokens: attempt.deliveredTokens }))
  const running = request.status === 'running' ? request.running : []
  const now = request.status === 'running' ? request.elapsedMs : 0
  const open = running.map((attempt) => ({
    ...attempt,
    tokens: attempt.deliveredTokens,
    durationMs: Math.max(0, now - attempt.startedMs),
    outcome: 'running',
  }))
  return [...ended, ...open].sort((a, b) => a.startedMs - b.startedMs)
}
