import { multiaddr } from '@multiformats/multiaddr'
import type { AddressEvidence, ReachabilityStatus } from './evidence.ts'
import { endpointOf, type OwnAddress } from './own-address.ts'

/** Advice for the operator on making this host reachable, in one or two sentences; `undefined` if none is needed. */
export function adviceFor(init: {
  readonly status: ReachabilityStatus
  readonly own: readonly OwnAddress[]
  readonly evidence: readonly AddressEvidence[]
  readonly seenAt: readonly string[]
  readonly isRelayed: boolean
}): string | undefined {
  const { status, own, evidence } = init
  const refuted = evidence.find(({ verdict }) => verdict === 'refuted')
  switch (status) {
    case 'public':
    case 'forwarded':
      return evidence.some(mayBeIp4) || init.isRelayed
        ? undefined
        : `peers without IPv6 do not reach this machine: no relay is held. ${forDirect(init)}`
    case 'relayed':
      return `nothing to do: relays carry the traffic. ${forDirect(init)}`
    case 'lan':
    case 'unknown': {
      if (refuted !== undefined) return open(refuted)
      const untested = evidence.find(({ verdict }) => verdict === 'untested')
      if (untested !== undefined) return whileUntested(untested, init.seenAt)
      if (own.length === 0) return 'this host listens nowhere: name an address with --listen'
      if (own.every(({ reach }) => reach === 'loopback'))
        return 'this host listens for this machine only: for others say --listen /ip4/0.0.0.0/tcp/4801'
      return forDirect(init)
    }
    default:
      return status satisfies never
  }
}

/** Whether peers without IPv6 may get through to this address. */
function mayBeIp4({ verdict, address }: AddressEvidence): boolean {
  return verdict !== 'refuted' && !address.startsWith('/ip6/') && !address.startsWith('/dns6/')
}

/** How to become directly reachable from behind a router. */
function forDirect({
  own,
  seenAt,
}: {
  readonly own: readonly OwnAddress[]
  readonly seenAt: readonly string[]
}): string {
  const port = portOf(own.find(({ source, reach }) => source === 'interface' && reach === 'lan'))
  const outer = seenAt.find((ip) => !ip.includes(':')) ?? '<the router’s address>'
  const to = port === undefined ? 'a port' : `TCP port ${port}`
  return `For direct connections from outside this network, forward ${to} on the router to this machine and say --announce /ip4/${outer}/tcp/${port ?? '<port>'}`
}

function open(
  refuted: AddressEvidence & { verdict: 'refuted' | 'confirmed' | 'untested' },
): string {
  const port = portOf(refuted)
  const where = port === undefined ? refuted.address : `TCP port ${port}`
  const why = refuted.verdict === 'refuted' ? refuted.why : 'timeout'
  const forwarded = refuted.source !== 'interface'
  switch (why) {
    case 'timeout':
      return forwarded
        ? `open ${where}: nothing gets through to ${refuted.address}. Forward it on the router to this machine`
        : `open ${where}: a firewall of this machine or its provider drops what comes for ${refuted.address}`
    case 'refused':
      return forwarded
        ? `open ${where}: ${refuted.address} is closed. Forward it on the router to this machine`
        : `open ${where}: ${refuted.address} refuses connections. Let the firewall pass it`
    case 'other_peer':
      return `${refuted.address} leads to another program or machine: correct the forwarding of ${where}, or the --announce`
    default:
      return why satisfies never
  }
}

function whileUntested(untested: AddressEvidence, seenAt: readonly string[]): string {
  const why = untested.verdict === 'untested' ? untested.why : ''
  if (seenAt.length > 0 && untested.source === 'announced')
    return `${untested.address} was not tested: ${why}`
  return `whether ${untested.address} can be reached is not known: ${why}. Name a bootstrap peer outside this network with --bootstrap`
}

function portOf(own: { readonly address: string } | undefined): number | undefined {
  return own === undefined ? undefined : endpointOf(multiaddr(own.address))?.port
}
