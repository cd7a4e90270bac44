import type { Connection, Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { decodeSightingResponse, LIMITS, openSighting, PROTOCOLS } from '../../protocol/index.ts'
import { isPublicAddress } from '../address-scope.ts'
import { isDirectPath } from '../direct-path-address.ts'
import { askOnce } from '../one-shot.ts'
import { over } from '../reach/index.ts'
import { isRelayed } from '../relay/index.ts'
import type { SignedSighting } from './candidates.ts'
import { SIGHTINGS } from './limits.ts'

/** What a bootstrap peer says of this host. */
export interface OwnSighting extends SignedSighting {
  readonly envelope: Uint8Array
  /** URL of its STUN server; absent where it has none, and over IPv6, where sockets have the address that is seen. */
  readonly stun?: string
}

export interface OwnSightingsInit {
  readonly libp2p: Pick<Libp2p, 'getConnections'>
  /** Whether the operator named this peer. */
  readonly isTrusted: (peer: string) => boolean
  readonly now: () => number
}

/** Where the bootstrap peers see this host. Asked for when needed, and renewed in time. */
export class OwnSightings {
  readonly #init: OwnSightingsInit
  readonly #known = new WeakMap<
    Connection,
    { readonly untilMs: number; readonly own: OwnSighting }
  >()

  constructor(init: OwnSightingsInit) {
    this.#init = init
  }

  /** One of each bootstrap peer that answers, at most three. Rejects only if the signal fires. */
  async current({ signal }: { readonly signal: AbortSignal }): Promise<readonly OwnSighting[]> {
    const { libp2p, isTrusted } = this.#init
    const peers = new Map<string, Connection>()
    for (const connection of libp2p.getConnections()) {
      const { remotePeer, remoteAddr, status } = connection
      const peer = remotePeer.toString()
      if (status !== 'open' || !isTrusted(peer) || peers.has(peer)) continue
      if (isOutside(remoteAddr)) peers.set(peer, connection)
    }
    const asked = [...peers.values()].slice(0, LIMITS.maxDirectPathSightings)
    const answers = await Promise.all(asked.map((connection) => this.#ask(connection, signal)))
    signal.throwIfAborted()
    return answers.filter((answer) => answer !== undefined)
  }

  async #ask(connection: Connection, signal: AbortSignal): Promise<OwnSighting | undefined> {
    const { now } = this.#init
    const known = this.#known.get(connection)
    if (known !== undefined && known.untilMs > now()) return known.own
    try {
      const response = await askOnce(
        {
          libp2p: over(connection),
          peer: connection.remotePeer,
          protocol: PROTOCOLS.sighting,
          maxResponseBytes: SIGHTINGS.maxResponseBytes,
          timeoutMs: SIGHTINGS.askMs,
        },
        { signal },
      )
      const { stunPort, sighting: envelope } = decodeSightingResponse(response)
      if (envelope === undefined) return undefined
      const { signer, sighting } = await openSighting(envelope)
      const stun = stunPort && stunUrl(connection.remoteAddr, stunPort)
      const own: OwnSighting = {
        ...{ envelope, sighting, signer: signer.toString() },
        ...(stun && { stun }),
      }
      this.#known.set(connection, { own, untilMs: now() + SIGHTINGS.renewMs })
      return own
    } catch {
      // It is of another version, or does not answer now.
      return undefined
    }
  }
}

function isOutside(address: Multiaddr): boolean {
  return !isRelayed(address) && !isDirectPath(address) && isPublicAddress(address)
}

/** Of the machine that a connection leads to, by its IPv4 address, or the name that the operator typed. */
function stunUrl(address: Multiaddr, port: number): string | undefined {
  const [host] = address.getComponents()
  return host?.name === 'ip6' || host?.value === undefined
    ? undefined
    : `stun:${host.value}:${port}`
}
