import { encodeInvite } from '../host/index.ts'
import { shownAddresses } from './join-line.ts'

/** Addresses in one invite: enough to reach a host by either transport, few enough to paste. */
const MAX_ADDRESSES = 3

/** The string with which others join this private swarm through these addresses. `undefined` in the public one. */
export function inviteFor(
  swarmKey: Uint8Array | undefined,
  addresses: readonly string[],
): string | undefined {
  if (swarmKey === undefined) return undefined
  const chosen = shownAddresses(addresses)
  return encodeInvite({ swarmKey, bootstrap: chosen.slice(0, MAX_ADDRESSES) })
}
