import type { Host, NatKind } from '../../host/index.ts'
import { CIRCUIT_PROTOCOLS, plainLine } from '../../protocol/index.ts'
import { directPathFinding } from '../direct-paths.ts'
import { shortId } from '../explain/index.ts'
import { evidenceLine, reachabilityFields, reachabilityLines } from '../reachability.ts'
import type { StatusReport } from '../status-file.ts'
import type { Finding, Step } from './diagnose.ts'

interface ReachStepsInit {
  readonly host: Pick<
    Host,
    | 'tested'
    | 'reachability'
    | 'natKind'
    | 'portMapping'
    | 'bootstrapPeers'
    | 'joined'
    | 'libp2p'
    | 'directPaths'
  >
  /** Nodes and bootstrap peers that run on this machine. */
  readonly running: readonly StatusReport[]
  /** Addresses of `--announce`: the step fails for one that no peer reaches. */
  readonly announced: readonly string[]
  readonly signal: AbortSignal
}

/** How outside peers reach this machine. Only serving depends on it. */
export function reachSteps(init: ReachStepsInit): Step[] {
  return [
    ...init.running.map(
      (report): Step => ({
        name: `reachability of ${report.role} ${shortId(report.peerId)}`,
        run: () => Promise.resolve(ofRunning(report)),
      }),
    ),
    { name: 'port mapping', run: () => findMapping(init) },
    { name: 'reachability', run: () => testAddresses(init) },
    { name: 'NAT', run: () => findNat(init) },
    { name: 'IPv6', run: () => Promise.resolve(findIpv6(init)) },
    { name: 'relays', run: () => findRelays(init) },
    { name: 'direct paths', run: () => findDirectPaths(init) },
    { name: 'serving', run: () => summarize(init) },
  ]
}

/** The reachability that a running peer reports. */
function ofRunning({ reachability, evidence = [], seenAt = [], advice }: StatusReport): Finding {
  if (reachability === undefined)
    return { ok: true, message: 'its version does not report reachability' }
  const [message = '', ...more] = reachabilityLines({ reachability, evidence, seenAt })
  const isBad = evidence.some(({ verdict }) => verdict === 'refuted')
  return {
    ok: !isBad || reachability !== 'unknown',
    message: [message, ...more].join('; '),
    ...(advice !== undefined && { advice: plainLine(advice) }),
  }
}

/** Asks outside peers to dial this process at the addresses that a node would use. */
async function testAddresses({ host, announced, signal }: ReachStepsInit): Promise<Finding> {
  await host.joined({ signal })
  const fields = reachabilityFields(await host.tested({ signal }))
  const { reachability, evidence, advice } = fields
  const refuted = evidence.filter(
    ({ verdict, address }) =>
      verdict === 'refuted' && announced.some((text) => text.startsWith(address)),
  )
  if (refuted.length > 0) {
    return {
      ok: false,
      message: refuted.map(evidenceLine).join('; '),
      ...(advice !== undefined && { advice }),
    }
  }
  const lines = evidence.length > 0 ? evidence.map(evidenceLine) : ['no public address here']
  return {
    ok: true,
    message: `${reachability}: ${lines.join('; ')}. Only serving needs it, and relays can replace it`,
    ...(advice !== undefined && { advice }),
  }
}

/** Whether the router forwards a port on request. The next step tests it. */
async function findMapping({ host, signal }: ReachStepsInit): Promise<Finding> {
  await host.joined({ signal })
  const mapping = await host.portMapping({ signal })
  switch (mapping.status) {
    case 'off':
      return { ok: true, message: 'off (--no-upnp)' }
    case 'not needed':
      return {
        ok: true,
        message: 'not needed: this machine has a public address, or no peer outside sees it',
      }
    case 'searching':
      return { ok: true, message: 'the router has not answered yet' }
    case 'mapped':
      return {
        ok: true,
        message: `${mapping.method}: the router says that it forwards ${mapping.address}`,
      }
    case 'none':
      return {
        ok: true,
        message: `the router forwards no port by itself (${plainLine(mapping.why)})`,
        advice:
          'nothing to do: relays carry the traffic. Turning on UPnP or NAT-PMP at the router makes it direct',
      }
    default:
      return mapping satisfies never
  }
}

const NAT: Readonly<Record<NatKind, string>> = {
  none: 'none: peers see this machine at its own address',
  'port-preserving': 'port-preserving: direct connections to others behind such routers can work',
  consistent: 'the same port for all destinations: direct connections to others can work',
  symmetric:
    'symmetric, another port for each destination: relays carry what comes from others behind NAT',
  unknown: 'unknown: detection needs two outside peers at different addresses',
}

async function findNat({ host, signal }: ReachStepsInit): Promise<Finding> {
  const { seenAt } = host.reachability()
  const where = seenAt.length > 0 ? `; peers see this machine at ${seenAt.join(', ')}` : ''
  return { ok: true, message: `${NAT[await host.natKind({ signal })]}${where}` }
}

function findIpv6({ host }: ReachStepsInit): Finding {
  const { seenAt, evidence } = host.reachability()
  const has = evidence.some(
    ({ address, source }) => source === 'interface' && address.startsWith('/ip6/'),
  )
  if (seenAt.some((ip) => ip.includes(':'))) return { ok: true, message: 'works' }
  return {
    ok: true,
    message: has
      ? 'this machine has a public address, but no peer is connected over it'
      : 'no public address here; IPv4 is enough',
  }
}

/** Behind NAT a node needs a relay, and a second one as a spare. */
const WANTED_RELAYS = 2

async function findRelays(init: ReachStepsInit): Promise<Finding> {
  const relays = await countRelays(init)
  if (relays > 0) return { ok: true, message: `${relays} of the connected peers relay` }
  return { ok: true, message: 'none of the connected peers relays' }
}

/** A machine that peers outside reach needs no path past relays. */
function findDirectPaths({ host }: ReachStepsInit): Promise<Finding> {
  const { status } = host.reachability()
  const isReached = status === 'public' || status === 'forwarded'
  return Promise.resolve(
    isReached
      ? { ok: true, message: 'not needed: peers outside reach this machine' }
      : { ok: true, ...directPathFinding(host.directPaths()) },
  )
}

/** What all of this means for a node on this machine, and the one thing to do about it. */
async function summarize(init: ReachStepsInit): Promise<Finding> {
  const { status, advice } = init.host.reachability()
  if (status === 'public' || status === 'forwarded') {
    return advice === undefined
      ? { ok: true, message: 'a node here would be reached directly: nothing to do' }
      : {
          ok: true,
          message: 'a node here would be reached directly by peers with IPv6 only',
          advice: plainLine(advice),
        }
  }
  const relays = await countRelays(init)
  if (relays >= WANTED_RELAYS)
    return { ok: true, message: 'a node here would be reached through relays: nothing to do' }
  if (relays > 0) {
    return {
      ok: true,
      message: 'a node here would be reached through one relay, without a spare',
      advice: 'name a second bootstrap peer with --bootstrap',
    }
  }
  return {
    ok: true,
    message: 'a node here would be reached from its own network only',
    ...(advice !== undefined && { advice: plainLine(advice) }),
  }
}

async function countRelays({ host }: ReachStepsInit): Promise<number> {
  let relays = 0
  for (const peer of host.libp2p.getPeers()) {
    const known = await host.libp2p.peerStore.get(peer).catch(() => undefined)
    if (known?.protocols.includes(CIRCUIT_PROTOCOLS.hop) === true) relays += 1
  }
  return relays
}
