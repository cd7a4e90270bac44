import { type Client, type ClientInit, createClientOver, openReputation } from '../client/index.ts'
import { createHost, type Host, type HostInit } from '../host/index.ts'
import { createNode, type Node, type NodeInit } from '../node/index.ts'

/** What a peer shares, and how it asks. */
export interface PeerInit extends Omit<NodeInit, 'backend'> {
  readonly host: Omit<HostInit, 'dht'>
  /** The engine. @default none: the peer shares nothing, and still helps others to find each other */
  readonly backend?: NodeInit['backend']
  /** Settings of its client. @default {} */
  readonly asks?: Omit<ClientInit, keyof HostInit>
}

/** One host that serves and asks. Its own models are one peer among others, in every policy. */
export interface Peer extends AsyncDisposable {
  readonly host: Host
  readonly client: Client
  /** Absent if nothing is shared. */
  readonly node?: Node
  /** Closes the client, finishes what the node serves, then stops the host. The signal drops running answers. */
  drain(options?: { readonly signal?: AbortSignal }): Promise<void>
}

/** @throws what `createNode` and `createHost` throw */
export async function createPeer(init: PeerInit): Promise<Peer> {
  const { backend, asks = {}, ...rest } = init
  const node = backend === undefined ? undefined : await createNode({ ...rest, backend })
  const host =
    node?.host ?? (await createHost({ relay: 'when-public', ...init.host, dht: 'server' }))
  const stop = async (options?: { readonly signal?: AbortSignal }): Promise<void> => {
    if (node === undefined) await host[Symbol.asyncDispose]()
    else await node.drain(options)
  }
  let client: Client
  try {
    const saved = await openReputation(init.host.dataDir, init.now ?? Date.now)
    client = createClientOver(host.includingSelf(), { ...asks, saved })
  } catch (error) {
    await stop()
    throw error
  }
  let drained: Promise<void> | undefined
  const drain = async (options?: { readonly signal?: AbortSignal }): Promise<void> => {
    drained ??= client.close().then(() => stop(options))
    await drained
  }
  return {
    host,
    client,
    ...(node !== undefined && { node }),
    drain,
    [Symbol.asyncDispose]: async () => {
      await client.close()
      if (node === undefined) await stop()
      else await node[Symbol.asyncDispose]()
    },
  }
}
