import type { Session } from '../runtime.ts'

const COLORS = ['cyan', 'magenta', 'yellow', 'green'] as const

/** Prints the steps of the demo with their times. Each node has its own letter and colour. */
export interface Narration {
  say(text: string): void
  /** Awaits a step and prints its name and duration. */
  during<T>(what: string, work: Promise<T>): Promise<T>
  addPeer(peerId: string): void
  /** `node B` */
  name(peerId: string): string
  /** `node B …x7Yz`, in its colour. */
  peer(peerId: string): string
  piece(text: string, peerId: string): string
}

export function createNarration(session: Session): Narration {
  const { terminal } = session
  const startedAt = performance.now()
  const peers: string[] = []
  const colored = (peerId: string, text: string): string => {
    const index = peers.indexOf(peerId)
    return terminal.style(COLORS[index % COLORS.length] ?? 'white', text)
  }
  const say = (text: string): void => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)
    terminal.print(`${terminal.style('dim', `${seconds} s`)}  ${text}\n`)
    terminal.emit({ event: 'step', text, atMs: Math.round(performance.now() - startedAt) } as {
      event: 'step'
    })
  }
  const name = (peerId: string): string =>
    `node ${String.fromCharCode(65 + Math.max(0, peers.indexOf(peerId)))}`
  return {
    say,
    async during(what, work) {
      const from = performance.now()
      const result = await work
      say(`${what} (${((performance.now() - from) / 1000).toFixed(1)} s)`)
      return result
    },
    addPeer: (peerId) => void peers.push(peerId),
    name,
    peer: (peerId) => colored(peerId, `${name(peerId)} …${peerId.slice(-6)}`),
    piece: (text, peerId) => colored(peerId, text),
  }
}
