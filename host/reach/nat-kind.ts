import { randomInt } from 'node:crypto'
import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { openScope, raceSignal } from '../../timing/index.ts'
import { endpointOf, publicIpOf } from './own-address.ts'

/**
 * How a router maps connections of this host: not at all (`none`), to the same port (`port-preserving`), to another
 * port that is the same for all destinations (`consistent`), or to one for each destination (`symmetric`). `unknown`:
 * there were not enough peers to find out.
 */
export type NatKind = 'none' | 'port-preserving' | 'consistent' | 'symmetric' | 'unknown'

export interface NatKindInit {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>
  readonly dialExactly: (
    address: Multiaddr,
    options: { signal: AbortSignal; localPort?: number },
  ) => Promise<Connection>
  /** IP addresses of this machine. */
  readonly ownIps: ReadonlySet<string>
}

interface Observed {
  readonly ip: string
  readonly port: number
}

/** Peers to ask: two differ or do not. */
const ENOUGH = 2
const TIMEOUT_MS = 5_000
/** Ports that are not the system's own choice for outgoing connections: 20,000 to 30,000. */
const PORTS = [20_000, 30_000] as const

/** Connects from one port to two peers at different IPv4 addresses, and compares where they see it. */
export async function findNatKind(
  init: NatKindInit,
  /** Addresses of peers outside, each with its peer id. */
  peers: readonly Multiaddr[],
  options: { readonly signal: AbortSignal },
): Promise<NatKind> {
  const localPort = randomInt(...PORTS)
  const observed: Observed[] = []
  const asked = new Set<string>()
  for (const address of peers) {
    const endpoint = endpointOf(address)
    if (endpoint?.family !== 4 || endpoint.webSocket || asked.has(endpoint.ip)) continue
    asked.add(endpoint.ip)
    const found = await observe(init, address, localPort, options.signal)
    if (found !== undefined) observed.push(found)
    if (observed.length === ENOUGH) break
  }
  return kindOf(observed, localPort, init.ownIps)
}

export function kindOf(
  observed: readonly Observed[],
  localPort: number,
  ownIps: ReadonlySet<string>,
): NatKind {
  const [first, second] = observed
  if (first === undefined) return 'unknown'
  if (ownIps.has(first.ip)) return 'none'
  if (observed.every(({ port }) => port === localPort)) return 'port-preserving'
  if (second === undefined) return 'unknown'
  return first.port === second.port ? 'consistent' : 'symmetric'
}

/** Where the peer sees a connection from this port. `undefined` where it cannot be asked. */
async function observe(
  { libp2p, dialExactly }: NatKindInit,
  address: Multiaddr,
  localPort: number,
  signal: AbortSignal,
): Promise<Observed | undefined> {
  using scope = openScope({ timeoutMs: TIMEOUT_MS }, { signal })
  const seen = new Map<string, Multiaddr>()
  let wake = (): void => {}
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    if (detail.observedAddr !== undefined) seen.set(detail.connection.id, detail.observedAddr)
    wake()
  }
  libp2p.addEventListener('peer:identify', onIdentify)
  try {
    const connection = await dialExactly(address, { signal: scope.signal, localPort })
    try {
      while (!seen.has(connection.id)) {
        const identified = new Promise<void>((resolve) => {
          wake = resolve
        })
        await raceSignal(identified, scope.signal)
      }
      const at = seen.get(connection.id)
      const endpoint = at === undefined ? undefined : endpointOf(at)
      if (at === undefined || endpoint === undefined || publicIpOf(at) === undefined)
        return undefined
      return { ip: endpoint.ip, port: endpoint.port }
    } finally {
      connection.close().catch((error: Error) => connection.abort(error))
    }
  } catch {
    signal.throwIfAborted()
    return undefined
  } finally {
    libp2p.removeEventListener('peer:identify', onIdentify)
  }
}
