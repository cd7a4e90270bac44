import type { Multiaddr } from '@multiformats/multiaddr'

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
