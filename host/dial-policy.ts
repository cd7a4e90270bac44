import type { Multiaddr } from '@multiformats/multiaddr'
import { type AddressScope, type DialTarget, dialTarget } from './address-scope.ts'

/** Scopes in which addresses from strangers are dialled. */
export type DialPolicy = ReadonlySet<AddressScope>

/**
 * A stranger must not make this host dial its LAN or a metadata service. Exceptions: the user entered an address of
 * that scope, or the swarm is private and so has no strangers. Link-local addresses from peers are never dialled.
 */
export function dialPolicy(init: {
  /** Addresses that the user typed: bootstrap peers and where to listen. */
  readonly typed: readonly Multiaddr[]
  readonly privateSwarm: boolean
}): DialPolicy {
  const scopes = new Set<AddressScope>(['public'])
  if (init.privateSwarm) for (const scope of PRIVATE_SWARM) scopes.add(scope)
  for (const address of init.typed) {
    const target = dialTarget(address)
    if (target.kind === 'name' && isLocalhost(target.name)) scopes.add('loopback')
    if (target.kind === 'ip') for (const scope of target.scopes) scopes.add(scope)
  }
  scopes.delete('forbidden')
  return scopes
}

const PRIVATE_SWARM: readonly AddressScope[] = ['private', 'shared', 'loopback']

function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

/** Whether an address from a stranger may be dialled. A name needs its resolved addresses; without any it may not. */
export function mayDial(
  target: DialTarget,
  resolved: readonly AddressScope[],
  policy: DialPolicy,
): boolean {
  switch (target.kind) {
    case 'ip':
      return target.scopes.every((scope) => policy.has(scope))
    case 'name':
      return resolved.length > 0 && resolved.every((scope) => policy.has(scope))
    case 'other':
      return false
    default:
      return target satisfies never
  }
}
