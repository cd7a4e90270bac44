import type { PeerStore, Transport } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { openScope, systemClock } from '../../timing/index.ts'
import { isRelayed } from '../relay/index.ts'
import type { Handshakes } from './handshakes.ts'
import type { IpVersions } from './ip-versions.ts'
import type { SilentAddresses } from './silent-addresses.ts'

type TcpFactory = ReturnType<typeof tcp>

/** The handshake of TCP with a peer that a relay leads to as well: a lost packet is sent again after a second. */
const CONNECT_MS = 1_500

/** What the instance passes on to its transports. */
type Components = Parameters<TcpFactory>[0] & { readonly peerStore: Pick<PeerStore, 'get'> }

/** For a dial that is to find out about this very address. */
export interface PatientDialOptions {
  /** Whether another path to the peer is no reason to give up early. @default false */
  readonly isPatient?: boolean
}

/**
 * TCP that soon leaves an address whose IP version does not get through, and one that does not answer where a relay leads
 * to its peer: libp2p dials the addresses of a peer in turn, for seconds each.
 */
export function tcpTransport(
  versions: IpVersions,
  silent: SilentAddresses,
  handshakes: Handshakes,
): (components: Components) => Transport {
  const create = tcp()
  return (components) => {
    const transport = create(components)
    const dial = transport.dial.bind(transport)
    transport.dial = async (address, options) => {
      const { isPatient = false } = options as PatientDialOptions
      const versionMs = versions.connectTimeoutMs(address) ?? Number.POSITIVE_INFINITY
      const hasOther = !isPatient && (await isRelayKnown(components, address))
      const timeoutMs = Math.min(versionMs, hasOther ? CONNECT_MS : Number.POSITIVE_INFINITY)
      const { upgrader, signal } = options
      using scope = openScope({ timeoutMs: Number.POSITIVE_INFINITY }, { signal })
      let isConnected = false
      const onTimeout = (): void => {
        if (isConnected) return
        if (timeoutMs === versionMs) versions.suspect(address, timeoutMs)
        if (hasOther) silent.add(address)
        scope.abort(new Error(`no answer from ${address.toString()} in ${timeoutMs} ms`))
      }
      // A busy process reads its timers before its sockets.
      using _timer =
        timeoutMs === Number.POSITIVE_INFINITY
          ? undefined
          : systemClock.after(timeoutMs, () => setImmediate(onTimeout))
      const connected = Object.create(upgrader, {
        upgradeOutbound: {
          value: async (...given: Parameters<typeof upgrader.upgradeOutbound>) => {
            isConnected = true
            silent.delete(address)
            return await handshakes.during(() => upgrader.upgradeOutbound(...given))
          },
        },
      })
      return await dial(address, { ...options, signal: scope.signal, upgrader: connected })
    }
    return transport
  }
}

/** Whether an address through a relay is known of the peer at this address. */
async function isRelayKnown({ peerStore }: Components, address: Multiaddr): Promise<boolean> {
  const peer = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
  if (peer === undefined) return false
  const known = await peerStore.get(peerIdFromString(peer)).catch(() => undefined)
  return known?.addresses.some(({ multiaddr }) => isRelayed(multiaddr)) === true
}
