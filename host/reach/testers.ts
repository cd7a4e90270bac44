import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import { PROTOCOLS } from '../../protocol/index.ts'
import { publicIpOf } from './own-address.ts'

/** A connection over which a peer can be asked to dial back. */
export interface Tester {
  readonly connection: Connection
  readonly peer: string
  /** The public IP address that the peer sees us at. */
  readonly seesUsAt: string
  /** The operator named this peer. */
  readonly trusted: boolean
}

export interface TestersInit {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>
  /** Whether the operator named this peer. */
  readonly isTrusted: (peer: string) => boolean
  /** IP addresses of this machine: a peer at one of them sees nothing from outside. */
  readonly ownIps: () => ReadonlySet<string>
  readonly signal: AbortSignal
  /** A peer that can be asked is there, or sees us somewhere else. */
  readonly onChange: () => void
}

/** The peers that support dial-back, and the addresses at which peers see us. */
export interface Testers {
  all(): readonly Tester[]
  /**
   * Public IP addresses that peers outside see this host at, each once: first those that peers named by the operator
   * report, then those that most report. Any peer may say anything.
   */
  seenAt(): readonly string[]
}

export function watchTesters(init: TestersInit): Testers {
  const testers = new Map<string, Tester>()
  /** By connection: a later message of identify may list protocols alone. */
  const seen = new Map<string, { readonly ip: string; readonly trusted: boolean }>()

  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const { connection, protocols, observedAddr, peerId } = detail
    const observed = observedAddr === undefined ? undefined : publicIpOf(observedAddr)
    const seesUsAt = observed ?? seen.get(connection.id)?.ip
    const theirIp = publicIpOf(connection.remoteAddr)
    // A peer behind the same router, or on the same machine, sees nothing from outside.
    const isOutside = theirIp !== undefined && theirIp !== seesUsAt && !init.ownIps().has(theirIp)
    if (seesUsAt === undefined || !isOutside) return
    const trusted = init.isTrusted(peerId.toString())
    seen.set(connection.id, { ip: seesUsAt, trusted })
    if (!protocols.includes(PROTOCOLS.dialBack)) {
      testers.delete(connection.id)
      return
    }
    const peer = peerId.toString()
    const known = testers.get(connection.id)
    testers.set(connection.id, { connection, peer, seesUsAt, trusted })
    if (known?.seesUsAt !== seesUsAt) init.onChange()
  }
  const onClose = ({ detail }: CustomEvent<Connection>): void => {
    testers.delete(detail.id)
    seen.delete(detail.id)
  }

  init.libp2p.addEventListener('peer:identify', onIdentify)
  init.libp2p.addEventListener('connection:close', onClose)
  init.signal.addEventListener(
    'abort',
    () => {
      init.libp2p.removeEventListener('peer:identify', onIdentify)
      init.libp2p.removeEventListener('connection:close', onClose)
      testers.clear()
    },
    { once: true },
  )
  return {
    all: () => [...testers.values()].filter(({ connection }) => connection.status === 'open'),
    seenAt: () => mostReported([...seen.values()]),
  }
}

function mostReported(
  reports: readonly { readonly ip: string; readonly trusted: boolean }[],
): readonly string[] {
  const votes = new Map<string, number>()
  for (const { ip, trusted } of reports)
    votes.set(ip, (votes.get(ip) ?? 0) + (trusted ? reports.length : 1))
  return [...votes].toSorted(([, a], [, b]) => b - a).map(([ip]) => ip)
}
