import type { Libp2p } from '@libp2p/interface'
import { openScope } from '../timing/index.ts'
import type { BootstrapState, JoinOptions, JoinResult } from './host.ts'
import type { RoutingTableView } from './routing-table.ts'

const JOIN_TIMEOUT_MS = 2_000

/** Contract: `Host.joined`. */
export async function waitUntilJoined(
  init: {
    readonly libp2p: Pick<Libp2p, 'getPeers'>
    readonly table: RoutingTableView
    readonly bootstrapPeers: () => readonly BootstrapState[]
    /** Whether a peer may still connect. */
    readonly mayFindPeers: () => boolean
    readonly signal: AbortSignal
  },
  options: JoinOptions = {},
): Promise<JoinResult> {
  options.signal?.throwIfAborted()
  if (init.table.size > 0) return { joined: true }
  if (!init.mayFindPeers()) return { joined: false, reasons: whyAlone(init.bootstrapPeers()) }
  using scope = openScope(
    { timeoutMs: options.timeoutMs ?? JOIN_TIMEOUT_MS },
    { signal: options.signal, owner: init.signal },
  )
  await new Promise<void>((resolve) => {
    const done = (): void => {
      init.table.removeEventListener('peer:add', done)
      scope.signal.removeEventListener('abort', done)
      resolve()
    }
    init.table.addEventListener('peer:add', done)
    scope.signal.addEventListener('abort', done, { once: true })
  })
  options.signal?.throwIfAborted()
  // A connected peer that serves no DHT still exchanges advertisements.
  if (init.table.size > 0 || init.libp2p.getPeers().length > 0) return { joined: true }
  return { joined: false, reasons: whyAlone(init.bootstrapPeers()) }
}

function whyAlone(bootstrap: readonly BootstrapState[]): string[] {
  if (bootstrap.length === 0)
    return ['no bootstrap peer is given, and no peer known from before answers']
  return bootstrap.map((state) => {
    switch (state.status) {
      case 'connected':
        return `${state.address}: connected, but it serves no DHT`
      case 'dialing':
        return `${state.address}: no answer yet`
      case 'waiting':
        return `${state.address}: ${state.lastError}`
      default:
        return state satisfies never
    }
  })
}
