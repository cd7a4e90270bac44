import type { ConsoleMessage, ConsoleState } from '../../console/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { shortId } from '../explain/index.ts'
import { renderTable } from '../table.ts'

/** Requests kept: no screen shows more. */
const MAX_REQUESTS = 100
const MAX_PEERS_SHOWN = 12

/** The state after a message. */
export function applied(
  before: ConsoleState | undefined,
  message: ConsoleMessage,
): ConsoleState | undefined {
  if (message.type === 'snapshot') return message.state
  if (before === undefined) return undefined
  const changed = new Set(message.requests.map(({ requestId }) => requestId))
  const kept = before.requests.filter(({ requestId }) => !changed.has(requestId))
  const requests = [...message.requests, ...kept]
    .sort((a, b) => b.startedAt - a.startedAt)
    .slice(0, MAX_REQUESTS)
  return { ...before, ...message.sections, requests }
}

/** The lines of the view, without a bound on their number. */
export function viewLines(state: ConsoleState): string[] {
  const { self, models, peers, requests } = state
  const serving = peers.filter((peer) => peer.models.length > 0)
  const running = requests.filter(({ status }) => status === 'running').length
  const head = `Skein ${shortId(plainLine(self.peerId))} · ${plainLine(self.swarm)} swarm · ${serving.length} peers serve ${models.length} models · ${running} requests run`
  return [
    head,
    '',
    ...table(
      ['MODEL', 'PEERS', 'MAY STOP', 'NETWORKS'],
      models.map((model) => [
        plainLine(model.id),
        String(model.peers.length),
        model.spare.peers === 0 ? 'none: no spare' : String(model.spare.peers),
        String(model.spare.networks + 1),
      ]),
    ),
    '',
    ...table(
      ['PEER', 'PATH', 'RTT', 'LOAD', 'STANDING', 'MODELS'],
      serving
        .slice(0, MAX_PEERS_SHOWN)
        .map((peer) => [
          shortId(plainLine(peer.peerId)),
          peer.path,
          peer.rttMs === undefined ? '–' : `${Math.round(peer.rttMs)} ms`,
          peer.error === undefined ? loadOf(peer) : plainLine(peer.error),
          peer.standing.state,
          plainLine(peer.models.join(', ')),
        ]),
    ),
    '',
    ...table(
      ['TIME', 'MODEL', 'OUTCOME', 'TRIED', 'FIRST', 'TOTAL'],
      requests.map((request) => [
        new Date(request.startedAt).toTimeString().slice(0, 8),
        plainLine(request.model),
        request.status === 'running' ? 'running' : request.outcome.replaceAll('_', ' '),
        String(
          request.attempts.length + (request.status === 'running' ? request.running.length : 0),
        ),
        milliseconds(request.ttftMs),
        milliseconds(request.status === 'running' ? undefined : request.durationMs),
      ]),
    ),
  ]
}

function table(head: readonly string[], rows: readonly string[][]): string[] {
  return renderTable([...head], rows)
    .trimEnd()
    .split('\n')
}

function loadOf({ load, slots }: ConsoleState['peers'][number]): string {
  if (load === undefined) return '–'
  const waiting = load.queueDepth > 0 ? `, ${load.queueDepth} wait` : ''
  return `${load.inFlight} of ${slots}${waiting}`
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${Math.round(ms)} ms`
}
