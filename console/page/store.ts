import { useEffect, useState } from 'preact/hooks'
import type { ConsoleMessage, ConsoleState } from '../state.ts'
import { colours } from './colours.ts'
import { follow, type Refusal } from './connection.ts'
import { merged } from './merged-requests.ts'

/** Kept by the page, as by the gateway. */
const MAX_LINES = 500

/** What the page knows. */
export interface View {
  readonly status: 'connecting' | 'live' | 'lost'
  readonly refusal?: Refusal
  /** Absent before the first message. */
  readonly state?: ConsoleState
}

let view: View = { status: 'connecting' }
const listeners = new Set<() => void>()
let isDrawing = false

/** At most one drawing for each frame of the screen, however many messages arrive. */
function show(next: View): void {
  view = next
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    for (const listener of listeners) listener()
  })
}

export function useView(): View {
  const [shown, setShown] = useState(view)
  useEffect(() => {
    const listener = (): void => setShown(view)
    listeners.add(listener)
    listener()
    return () => {
      listeners.delete(listener)
    }
  }, [])
  return shown
}

/** Connects, at the start and after a key was pasted. */
export function connect(): void {
  show({ status: 'connecting' })
  follow({
    onMessage: (message) => show({ status: 'live', state: applied(view.state, message) }),
    onLost: () => show({ ...view, status: 'lost' }),
    onRefused: (refusal) => show({ status: 'lost', refusal }),
  })
}

/** The state after a message. */
function applied(before: ConsoleState | undefined, message: ConsoleMessage): ConsoleState {
  if (message.type === 'snapshot' || before === undefined) {
    const state = message.type === 'snapshot' ? message.state : undefined
    if (state === undefined) throw new Error('changes before the first snapshot')
    for (const { peerId } of state.peers) colours.classOf(peerId)
    return state
  }
  const { sections, requests, log } = message
  return {
    ...before,
    ...sections,
    requests: requests.length === 0 ? before.requests : merged(before.requests, requests),
    log: log.length === 0 ? before.log : [...before.log, ...log].slice(-MAX_LINES),
  }
}
