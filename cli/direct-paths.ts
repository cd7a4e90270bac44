import type { DirectPathsState } from '../host/index.ts'
import { plainLine } from '../protocol/index.ts'

/** The line of `skein status`; none where there is nothing to say. */
export function directPathLines(state: DirectPathsState): readonly string[] {
  switch (state.status) {
    case 'off':
    case 'missing':
      return []
    case 'serving':
      return [`  direct     tells peers where it sees them${atPort(state.stunPort)}`]
    case 'on':
      return state.open === 0
        ? []
        : [
            `  direct     ${state.open} ${state.open === 1 ? 'path' : 'paths'} by WebRTC past relays`,
          ]
    default:
      return state satisfies never
  }
}

/** What `skein doctor` says of a machine whose peers outside may need a direct path. */
export function directPathFinding(state: DirectPathsState): {
  readonly message: string
  readonly advice?: string
} {
  switch (state.status) {
    case 'off':
      return { message: 'off (--no-webrtc)' }
    case 'missing':
      return {
        message: 'the package node-datachannel is not installed',
        advice:
          'nothing to do: relays carry the traffic. `npm install node-datachannel` lets it go past them where both routers allow that',
      }
    case 'serving':
      return { message: `tells peers where it sees them${atPort(state.stunPort)}` }
    case 'on':
      return {
        message: `${state.open} open${state.lastFailure === undefined ? '' : `; the last attempt: ${plainLine(state.lastFailure)}`}`,
      }
    default:
      return state satisfies never
  }
}

function atPort(stunPort: number | undefined): string {
  return stunPort === undefined ? ', without STUN' : `, at UDP port ${stunPort}`
}
