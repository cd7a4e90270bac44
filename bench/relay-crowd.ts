import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { createHost, type Host } from '../host/index.ts'
import { percentile } from './report.ts'

/** The child's side of `bench/relay.ts`: several hosts in one process, behind one router, or one that streams to them. */

const ECHO = '/skein-bench/echo/1.0.0'
const PIECE = new Uint8Array(300)

export type CrowdMessage =
  | { readonly type: 'nodes'; readonly count: number; readonly bootstrap: string }
  | { readonly type: 'client'; readonly bootstrap: string }
  | {
      readonly type: 'stream'
      readonly addresses: readonly string[]
      readonly everyMs: number
      readonly forMs: number
    }

const tell = (message: object): void => void process.send?.(message)
let client: Host | undefined

/** Hosts that echo, each reached through the relay. */
async function nodes(count: number, bootstrap: string): Promise<void> {
  const addresses: string[] = []
  for (let index = 0; index < count; index += 1) {
    const host = await createHost({
      dht: 'server',
      listen: ['/ip4/0.0.0.0/tcp/0'],
      bootstrap: [bootstrap],
    })
    await host.libp2p.handle(ECHO, (stream) => {
      stream.addEventListener('message', ({ data }) => void stream.send(data))
    })
    await host.relayed({ timeoutMs: 60_000 })
    addresses.push(
      ...host
        .relaying()
        .held.flatMap((held) =>
          held.addresses.slice(0, 1).map((address) => `${address}/p2p/${host.peerId.toString()}`),
        ),
    )
  }
  tell({ type: 'addresses', addresses })
}

/** Sends a piece over each stream, as fast answers would, and measures how long each takes there and back. */
async function stream(
  host: Host,
  { addresses, everyMs, forMs }: Extract<CrowdMessage, { type: 'stream' }>,
): Promise<void> {
  const streams: Stream[] = []
  for (const address of addresses) {
    const connection = await host.libp2p.dial(multiaddr(address))
    streams.push(await host.libp2p.dialProtocol(connection.remotePeer, ECHO))
  }
  const times: number[] = []
  const sentAt = new Map<Stream, number>()
  for (const one of streams) {
    one.addEventListener('message', () => {
      const at = sentAt.get(one)
      if (at !== undefined) times.push(performance.now() - at)
      sentAt.delete(one)
    })
  }
  tell({ type: 'streaming', streams: streams.length })
  const endsAt = performance.now() + forMs
  for (let turn = 0; performance.now() < endsAt; turn += 1) {
    const one = streams[turn % streams.length]
    if (one !== undefined && !sentAt.has(one)) {
      sentAt.set(one, performance.now())
      one.send(PIECE)
    }
    if (turn % Math.max(1, Math.round(streams.length / everyMs)) === 0)
      await new Promise((resolve) => setTimeout(resolve, 1))
  }
  for (const one of streams) one.abort(new Error('measured'))
  tell({
    type: 'times',
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    count: times.length,
  })
}

process.on('message', (message: CrowdMessage) => {
  const work = async (): Promise<void> => {
    switch (message.type) {
      case 'nodes':
        return await nodes(message.count, message.bootstrap)
      case 'client':
        client = await createHost({ dht: 'client', bootstrap: [message.bootstrap] })
        await client.joined({ timeoutMs: 30_000 })
        return tell({ type: 'joined' })
      case 'stream':
        if (client !== undefined) await stream(client, message)
        return
      default:
        return message satisfies never
    }
  }
  work().catch((error: unknown) => tell({ type: 'failed', message: String(error) }))
})
process.on('disconnect', () => process.exit(0))
