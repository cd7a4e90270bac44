import type { Multiaddr } from '@multiformats/multiaddr'
import { isPublicAddress } from '../address-scope.ts'

/** Whether an address leads through a relay. */
export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}

/** The relay that an address leads through; `undefined` for a direct one. */
export function relayOf(address: Multiaddr): string | undefined {
  const components = address.getComponents()
  const circuit = components.findIndex(({ name }) => name === 'p2p-circuit')
  return components.slice(0, Math.max(0, circuit)).findLast(({ name }) => name === 'p2p')?.value
}

/**
 * Whether a peer with these addresses is reached through a relay only: it has some that lead through one, and none that
 * is public.
 */
export function isReachedByRelay(addresses: readonly Multiaddr[]): boolean {
  const known = KNOWN.get(addresses)
  if (known !== undefined) return known
  const direct = addresses.filter((address) => !isRelayed(address))
  const answer = direct.length < addresses.length && !direct.some(isPublicAddress)
  KNOWN.set(addresses, answer)
  return answer
}

/** Asked for each candidate at each choice, while advertisements stay the same for minutes. */
const KNOWN = new WeakMap<readonly Multiaddr[], boolean>()
