import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { PROTOCOLS } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { NameLookup } from '../name-lookup.ts'
import { withoutPeer } from '../without-peer.ts'
import { testAddresses } from './address-tests.ts'
import { createDialBackClient } from './dial-back-client.ts'
import { createDialBackServer } from './dial-back-server.ts'
import type { AddressEvidence } from './evidence.ts'
import { createFamilyOpener } from './family-opener.ts'
import { addressReachedBy } from './inbound.ts'
import { findNatKind, type NatKind, type NatKindInit } from './nat-kind.ts'
import { endpointOf, type OwnAddress } from './own-address.ts'
import type { OwnAddresses } from './own-addresses.ts'
import { isTestable, type Reachability, reachabilityOf } from './reachability.ts'
import { watchTesters } from './testers.ts'
import { untilTested } from './until-tested.ts'
import { Verdicts } from './verdicts.ts'

export interface KeepReachInit {
  readonly libp2p: Libp2p
  readonly own: OwnAddresses
  /** Opens a new connection to exactly this address. */
  readonly dialExactly: NatKindInit['dialExactly']
  /** Whether others reach this host through a relay now. */
  readonly isRelayed: () => boolean
  /** Whether the operator named this peer. */
  readonly isTrusted: (peer: string) => boolean
  /** Whether peers may ask this host to dial them back, where it has a public address itself. */
  readonly serve: boolean
  readonly lookup: NameLookup
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** Reachability of a host, tested continuously. */
export interface Reach {
  /** Current result. */
  report(): Reachability
  /** Resolves once an address was confirmed or all have a verdict, or with what is known when the time is over. */
  tested(timeoutMs: number, options?: { readonly signal?: AbortSignal }): Promise<Reachability>
  /** Tests at once: an address was added. */
  check(): void
  /** Contract: `Host.natKind`. */
  natKind(options: { readonly signal?: AbortSignal }): Promise<NatKind>
  /** Subscribes to changes of status, verdicts and advice. @returns unsubscribe */
  onChange(listener: (reachability: Reachability) => void): () => void
}

const STREAMS = { maxInboundStreams: 4, maxOutboundStreams: 4 } as const
/** Events come in bursts; one check after a burst is enough. */
const SETTLE_MS = 50
/** New interfaces are noticed after this long at the latest. */
const LOOK_MS = 60_000

/** Has peers outside test the public addresses of a host from its start to its end, and does the same for them. */
export async function keepReach(init: KeepReachInit): Promise<Reach> {
  const { libp2p, own, clock, signal, random, lookup } = init
  const wall = (): number => clock.wall()
  const verdicts = new Verdicts(random)
  const client = createDialBackClient(libp2p)
  const listeners = new Set<(reachability: Reachability) => void>()
  const ownIps = (): ReadonlySet<string> => interfaceIps(own.all())
  const testable = (): OwnAddress[] => own.all().filter(isTestable)
  const testers = watchTesters({
    ...{ libp2p, ownIps, signal },
    isTrusted: init.isTrusted,
    onChange: () => {
      verdicts.expedite(wall())
      look()
    },
  })
  const openFamily = createFamilyOpener({ libp2p, testers, wall, signal, onError: init.onError })
  const report = (): Reachability =>
    reachabilityOf({
      own: own.all(),
      isRelayed: init.isRelayed(),
      verdictOf: (address) => verdicts.of(address, wall()),
      seenAt: testers.seenAt(),
    })

  let published = ''
  const publish = async (): Promise<void> => {
    const now = report()
    const withVerdict = (wanted: 'confirmed' | 'refuted'): string[] =>
      now.evidence.flatMap(({ verdict, address }) => (verdict === wanted ? [address] : []))
    if (own.judge({ refuted: withVerdict('refuted'), confirmed: withVerdict('confirmed') }))
      await libp2p.peerStore.patch(libp2p.peerId, { multiaddrs: libp2p.getMultiaddrs() })
    const text = JSON.stringify([now.status, now.advice, now.evidence.map(withoutTime)])
    if (text === published) return
    published = text
    for (const listener of listeners) listener(now)
  }

  let timer: Disposable | undefined
  let running = false
  let again = false
  const round = async (): Promise<void> => {
    running = true
    again = false
    try {
      verdicts.keepOnly(testable().map(({ address }) => address))
      await testAddresses(
        { verdicts, testers, client, lookup, openFamily, wall, random, signal },
        testable(),
      )
      await publish()
    } catch (error) {
      if (!signal.aborted) init.onError('testing addresses', error)
    } finally {
      running = false
    }
    const untilDue = verdicts.nextDueMs(testable().map(({ address }) => address)) - wall()
    plan(again ? SETTLE_MS : Math.min(LOOK_MS, Math.max(SETTLE_MS, untilDue)))
  }
  const plan = (ms: number): void => {
    timer?.[Symbol.dispose]()
    if (!signal.aborted) timer = clock.after(ms, () => void round(), { background: true })
  }
  const look = (): void => {
    if (running) again = true
    else plan(SETTLE_MS)
  }

  const onConnection = ({ detail: connection }: CustomEvent<Connection>): void => {
    const reached = addressReachedBy(connection, testable(), ownIps())
    if (reached === undefined || verdicts.of(reached, wall()).verdict === 'confirmed') return
    verdicts.confirm(reached, connection.remotePeer.toString(), 'inbound', wall())
    look()
  }

  await libp2p.handle(PROTOCOLS.dialBackNonce, client.onNonce, STREAMS)
  let serving = !init.serve
  const serveWherePublic = async (): Promise<void> => {
    if (serving || testable().length === 0) return
    serving = true
    const server = createDialBackServer({ dial: init.dialExactly, ownIps, now: wall })
    await libp2p.handle(PROTOCOLS.dialBack, server, STREAMS)
  }
  const onSelf = (): void => {
    serveWherePublic().catch((error: unknown) => init.onError('offering dial-back', error))
    look()
  }
  libp2p.addEventListener('connection:open', onConnection)
  libp2p.addEventListener('self:peer:update', onSelf)
  libp2p.addEventListener('transport:listening', onSelf)
  const stop = (): void => {
    timer?.[Symbol.dispose]()
    libp2p.removeEventListener('connection:open', onConnection)
    libp2p.removeEventListener('self:peer:update', onSelf)
    libp2p.removeEventListener('transport:listening', onSelf)
    listeners.clear()
  }
  signal.addEventListener('abort', stop, { once: true })
  await serveWherePublic()
  look()

  const onChange: Reach['onChange'] = (listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    report,
    onChange,
    check: look,
    natKind: ({ signal: caller = signal }) =>
      findNatKind(
        { libp2p, dialExactly: init.dialExactly, ownIps: ownIps() },
        testers
          .all()
          .filter(({ connection }) => connection.direction === 'outbound')
          .map(({ connection, peer }) =>
            multiaddr(`${withoutPeer(connection.remoteAddr)}/p2p/${peer}`),
          ),
        { signal: caller },
      ),
    tested: (timeoutMs, options = {}) =>
      untilTested({ report, onChange, clock, stopping: signal }, timeoutMs, options.signal),
  }
}

function interfaceIps(own: readonly OwnAddress[]): ReadonlySet<string> {
  return new Set(
    own
      .filter(({ source }) => source === 'interface')
      .map(({ address }) => endpointOf(multiaddr(address))?.ip ?? ''),
  )
}

/** Renewed confirmations do not count as a change. */
function withoutTime(evidence: AddressEvidence): object {
  return 'atMs' in evidence ? { ...evidence, atMs: 0, by: '' } : evidence
}
