import { adviceFor } from './advice.ts'
import type { AddressEvidence, ReachabilityStatus } from './evidence.ts'
import type { OwnAddress } from './own-address.ts'
import type { AddressVerdict } from './verdicts.ts'

/** How others reach a host, as far as it was proved. */
export interface Reachability {
  readonly status: ReachabilityStatus
  /** Of each address that could be reached from outside. Refuted ones are not announced. */
  readonly evidence: readonly AddressEvidence[]
  /** IP addresses that peers outside see this host at. */
  readonly seenAt: readonly string[]
  /** Advice for the operator, if there is any. */
  readonly advice?: string
}

export function reachabilityOf(init: {
  readonly own: readonly OwnAddress[]
  readonly isRelayed: boolean
  readonly verdictOf: (address: string) => AddressVerdict
  readonly seenAt: readonly string[]
}): Reachability {
  const { own, isRelayed, verdictOf, seenAt } = init
  const evidence = own
    .filter(isTestable)
    .map(({ address, source }) => ({ address, source, ...verdictOf(address) }))
  const status = statusOf(own, evidence, isRelayed)
  const advice = adviceFor({ status, own, evidence, seenAt, isRelayed })
  return { status, evidence, seenAt, ...(advice !== undefined && { advice }) }
}

/** Addresses that a peer outside can dial. */
export function isTestable({ source, reach }: OwnAddress): boolean {
  return source !== 'relay' && reach === 'public'
}

function statusOf(
  own: readonly OwnAddress[],
  evidence: readonly AddressEvidence[],
  relayed: boolean,
): ReachabilityStatus {
  const confirmed = evidence.filter(({ verdict }) => verdict === 'confirmed')
  if (confirmed.some(({ source }) => source === 'interface')) return 'public'
  if (confirmed.length > 0) return 'forwarded'
  if (relayed) return 'relayed'
  if (evidence.some(({ verdict }) => verdict === 'untested')) return 'unknown'
  return own.some(({ reach }) => reach === 'lan' || reach === 'loopback') &&
    !evidence.some(({ source }) => source === 'interface')
    ? 'lan'
    : 'unknown'
}
