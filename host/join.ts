import type { Libp2p } from '@libp2p/interface'
import { openScope, raceSignal } from '../timing/index.ts'
import type { BootstrapState, JoinOptions, JoinResult } from './host.ts'
import type { Handshakes } from './network/index.ts'
import type { RoutingTableView } from './routing-table.ts'

const JOIN_TIMEOUT_MS = 2_000
/** A connection that is being encrypted when the time is over is waited for so much longer: three round trips. */
const HANDSHAKE_MS = 3_500

/** Contract: `Host.joined`. */
export async function waitUntilJoined(
  init: {
    readonly libp2p: Pick<Libp2p, 'getPeers'>
    readonly table: RoutingTableView
    readonly bootstrapPeers: () => readonly BootstrapState[]
    /** Whether a peer may still connect. */
    readonly mayFindPeers: () => boolean
    readonly handshakes: Pick<Handshakes, 'areOpen' | 'ended'>
    readonly signal: AbortSignal
  },
  options: JoinOptions = {},
): Promise<JoinResult> {
  options.signal?.throwIfAborted()
  if (init.table.size > 0) return { joined: true }
  if (!init.mayFindPeers()) return { joined: false, reasons: whyAlone(init.bootstrapPeers()) }
  const { signal } = options
  const within = async (timeoutMs: number, end: Promise<void>): Promise<void> => {
    using scope = openScope({ timeoutMs }, { signal, owner: init.signal })
    await raceSignal(end, scope.signal).catch(() => {})
  }
  const { promise: added, resolve } = Promise.withResolvers<void>()
  const onAdd = (): void => resolve()
  init.table.addEventListener('peer:add', onAdd)
  try {
    await within(options.timeoutMs ?? JOIN_TIMEOUT_MS, added)
    if (isAlone(init) && init.handshakes.areOpen) {
      await within(HANDSHAKE_MS, Promise.race([added, init.handshakes.ended()]))
    }
  } finally {
    init.table.removeEventListener('peer:add', onAdd)
  }
  options.signal?.throwIfAborted()
  if (!isAlone(init)) return { joined: true }
  return { joined: false, reasons: whyAlone(init.bootstrapPeers()) }
}

/** A connected peer that serves no DHT still exchanges advertisements. */
function isAlone({
  table,
  libp2p,
}: Pick<Parameters<typeof waitUntilJoined>[0], 'libp2p' | 'table'>): boolean {
  return table.size === 0 && libp2p.getPeers().length === 0
}

function whyAlone(bootstrap: readonly BootstrapState[]): string[] {
  if (bootstrap.length === 0)
    return ['no bootstrap peer is given, and no peer known from before answers']
  return bootstrap.map((state) => {
    switch (state.status) {
      case 'connected':
        return `${state.address}: connected, but it serves no DHT`
      case 'dialing':
      case 'waiting':
        return `${state.address}: ${state.lastError ?? 'no answer yet'}`
      default:
        return state satisfies never
    }
  })
}
