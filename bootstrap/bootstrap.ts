import { createHost, type Host, type HostInit } from '../host/index.ts'

/** Everything about a host except its DHT mode: a bootstrap peer always serves. */
export type BootstrapInit = Omit<HostInit, 'dht'>

/** A running bootstrap peer. Disposing of it stops its host. */
export interface Bootstrap extends AsyncDisposable {
  readonly host: Host
}

/**
 * Starts a bootstrap peer. Resolves when it listens. Given other bootstrap peers, it joins their swarm; without
 * any it begins one, named after itself unless `swarmName` is given.
 *
 * @throws what `createHost` throws
 */
export async function createBootstrap(init: BootstrapInit): Promise<Bootstrap> {
  const host = await createHost({ relay: 'always', ownSwarm: true, ...init, dht: 'server' })
  return { host, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() }
}
