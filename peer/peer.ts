import {
  type Client,
  type ClientInit,
  createClientOver,
  openLedger,
  openReputation,
  type SavedReputation,
} from '../client/index.ts'
import { createHost, type Host, type HostInit } from '../host/index.ts'
import { createNode, type Node, type NodeInit } from '../node/index.ts'

/** What a peer shares, and how it asks. */
export interface PeerInit extends Omit<NodeInit, 'backend' | 'markOf'> {
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
  const { dataDir, onFault } = init.host
  const saved = await openReputation(dataDir, init.now ?? Date.now, onFault)
  const { host, node } = await openHost(init, saved).catch(async (error: unknown) => {
    await saved[Symbol.asyncDispose]()
    throw error
  })
  const stop = async (options?: { readonly signal?: AbortSignal }): Promise<void> => {
    if (node === undefined) await host[Symbol.asyncDispose]()
    else await node.drain(options)
  }
  const client = await openClient(init, { host, node, saved }).catch(async (error: unknown) => {
    await saved[Symbol.asyncDispose]()
    await stop()
    throw error
  })
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

interface Opened {
  readonly host: Host
  readonly node?: Node | undefined
}

async function openHost(init: PeerInit, { reputation }: SavedReputation): Promise<Opened> {
  const { backend, asks = {}, ...rest } = init
  if (backend === undefined) {
    return { host: await createHost({ relay: 'when-public', ...init.host, dht: 'server' }) }
  }
  const { friends } = asks
  const node = await createNode({
    ...(friends !== undefined && { friends }),
    ...rest,
    backend,
    markOf: (peer) => reputation.markOf(peer),
  })
  return { host: node.host, node }
}

/** The node's receipts are those of its client, too. */
async function openClient(
  { asks = {}, host: { dataDir, onFault }, now = Date.now }: PeerInit,
  { host, node, saved }: Opened & { readonly saved: SavedReputation },
): Promise<Client> {
  const { receipts, friends } = asks
  const own = node === undefined
  const ledger = own
    ? await openLedger(host, { receipts, friends, dataDir, onFault, now })
    : node.ledger
  return createClientOver(host.includingSelf(), {
    ...asks,
    ...{ saved, ledger, closes: own ? [ledger] : [] },
  })
}
