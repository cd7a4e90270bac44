import type { OwnAddress } from './own-address.ts'
import type { AddressVerdict } from './verdicts.ts'

/**
 * `public`: peers get through to an address of this machine. `forwarded`: they get through to one that a router or a
 * proxy hands on to it. `relayed`: only through relays. `lan`: only from this network, or this machine. `unknown`:
 * nothing was proved yet, or every address was refuted.
 */
export type ReachabilityStatus = 'public' | 'forwarded' | 'relayed' | 'lan' | 'unknown'

/** One address, and what is known of it. */
export type AddressEvidence = { readonly address: string } & Pick<OwnAddress, 'source'> &
  AddressVerdict
