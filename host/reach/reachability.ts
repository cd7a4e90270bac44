import { adviceFor } from './advice.ts'
import type { OwnAddress } from './own-address.ts'
import type { Verdict } from './verdicts.ts'

/**
 * `public`: peers get through to an address of this machine. `forwarded`: they get through to one that a router or a
 * proxy hands on to it. `relayed`: only through relays. `lan`: only from this network, or this machine. `unknown`:
 * nothing was proved yet, or every address was refuted.
 */
export type ReachabilityStatus = 'public' | 'forwarded' | 'relayed' | 'lan' | 'unknown'

/** One address, and what is known of it. */
export type AddressEvidence = { readonly address: string } & Pick<OwnAddress, 'source'> & Verdict

/** How others reach a host, as far as it was proved. */
export interface Reachability {
  readonly status: ReachabilityStatus
  /** Of each address that could be reached from outside. Refuted ones are not announced. */
  readonly evidence: readonly AddressEvidence[]
  /** IP addresses that peers outside see this host at. */
  readonly seenAt: readonly string[]
  /** What to do, where something can be done. */
  readonly advice?: string
}

export function reachabilityOf(
  own: readonly OwnAddress[],
  verdictOf: (address: string) => Verdict,
  seenAt: readonly string[],
): Reachability {
  const evidence = own
    .filter(isTestable)
    .map(({ address, source }) => ({ address, source, ...verdictOf(address) }))
  const status = statusOf(own, evidence)
  const advice = adviceFor({ status, own, evidence, seenAt })
  return { status, evidence, seenAt, ...(advice !== undefined && { advice }) }
}

/** Addresses that a peer outside can dial. */
export function isTestable({ source, reach }: OwnAddress): boolean {
  return source !== 'relay' && reach === 'public'
}

function statusOf(
  own: readonly OwnAddress[],
  evidence: readonly AddressEvidence[],
): ReachabilityStatus {
  const confirmed = evidence.filter(({ verdict }) => verdict === 'confirmed')
  if (confirmed.some(({ source }) => source === 'interface')) return 'public'
  if (confirmed.length > 0) return 'forwarded'
  if (own.some(({ source }) => source === 'relay')) return 'relayed'
  if (evidence.some(({ verdict }) => verdict === 'untested')) return 'unknown'
  return own.some(({ reach }) => reach === 'lan' || reach === 'loopback') &&
    !evidence.some(({ source }) => source === 'interface')
    ? 'lan'
    : 'unknown'
}
