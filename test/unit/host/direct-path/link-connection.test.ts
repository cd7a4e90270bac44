import type { Connection, Libp2p, Upgrader } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { createLibp2p } from 'libp2p'
import { afterEach, expect, it } from 'vitest'
import { Link } from '../../../../host/direct-path/link.ts'
import { LinkConnection, linkOf } from '../../../../host/direct-path/link-connection.ts'
import { loadRtc } from '../../../../host/direct-path/rtc.ts'
import { directPathAddress } from '../../../../host/direct-path-address.ts'
import { muxer } from '../../../../host/muxer.ts'
import { noise } from '../../../../host/noise.ts'
import { swarmProtector } from '../../../../host/protector/index.ts'

type Peer = Libp2p<{ upgrader: Upgrader }>

const KEY = new Uint8Array(32).fill(7)
const peers: Peer[] = []

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop()
})

async function createPeer(key?: Uint8Array): Promise<Peer> {
  const peer = await createLibp2p({
    transports: [],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer()],
    ...(key !== undefined && { connectionProtector: swarmProtector(() => [key]) }),
    services: { upgrader: ({ upgrader }: { upgrader: Upgrader }) => upgrader },
  })
  peers.push(peer)
  return peer
}

/** Both upgrades over a link, as the two sides of an attempt make them. */
async function connect(
  dialler: Peer,
  listener: Peer,
  expected: { readonly dialled?: string } = {},
): Promise<readonly PromiseSettledResult<unknown>[]> {
  const rtc = await loadRtc()
  if (rtc === undefined) throw new Error('node-datachannel is not installed')
  const signal = AbortSignal.timeout(3_000)
  const [offering, answering] = [new Link({ rtc, stun: [] }), new Link({ rtc, stun: [] })]
  const offer = await offering.describe('offer', { signal })
  answering.accept(offer, 'offer')
  const answer = await answering.describe('answer', { signal })
  offering.accept(answer, 'answer')
  offering.begin(answer)
  answering.begin(offer)
  const sockets = await Promise.all([offering.opened({ signal }), answering.opened({ signal })])
  const log = dialler.logger.forComponent('test')
  const over = (
    link: Link,
    socket: { readonly ip: string; readonly port: number },
    peer: string,
    direction: 'inbound' | 'outbound',
  ): LinkConnection =>
    new LinkConnection({ link, direction, log, remoteAddr: directPathAddress(socket, peer) })
  const dialled = expected.dialled ?? listener.peerId.toString()
  const [out, into] = [
    over(offering, sockets[0], dialled, 'outbound'),
    over(answering, sockets[1], dialler.peerId.toString(), 'inbound'),
  ]
  const results = await Promise.allSettled([
    dialler.services.upgrader.upgradeOutbound(out, { signal }).catch((error: Error) => {
      out.abort(error)
      throw error
    }),
    listener.services.upgrader.upgradeInbound(into, { signal }).catch((error: Error) => {
      into.abort(error)
      throw error
    }),
  ])
  return results
}

async function echoOf(connection: Connection): Promise<string> {
  const stream = await connection.newStream('/echo/1.0.0')
  stream.send(new TextEncoder().encode('hello'))
  await stream.close()
  let text = ''
  for await (const piece of stream) text += new TextDecoder().decode(piece.subarray())
  return text
}

it.each([
  ['without a key', undefined],
  ['with the key of the swarm', KEY],
])('is a libp2p connection %s, which ends at both sides', async (_, key) => {
  const [dialler, listener] = [await createPeer(key), await createPeer(key)]
  await listener.handle('/echo/1.0.0', async (stream) => {
    for await (const piece of stream) stream.send(piece)
    await stream.close()
  })
  const [outbound] = await connect(dialler, listener)
  expect(outbound?.status).toBe('fulfilled')
  const [connection] = dialler.getConnections()
  if (connection === undefined) throw new Error('no connection')
  expect(connection.direct).toBe(true)
  expect(await echoOf(connection)).toBe('hello')
  expect(linkOf(connection)?.receivedBytes).toBeGreaterThan(0)
  const [other] = listener.getConnections()
  const ended = new Promise((resolve) => other?.addEventListener('close', resolve))
  await connection.close()
  await ended
  expect(dialler.getConnections()).toEqual([])
  expect(listener.getConnections()).toEqual([])
})

it.each([
  ['has no key', undefined],
  ['has another key', new Uint8Array(32).fill(8)],
])('lets a peer of a private swarm meet no stranger who %s', async (_, key) => {
  const [stranger, member] = [await createPeer(key), await createPeer(KEY)]
  const results = await connect(stranger, member)
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(member.getConnections()).toEqual([])
  expect(stranger.getConnections()).toEqual([])
})

it('refuses another peer than the one that was meant', async () => {
  const [dialler, listener] = [await createPeer(), await createPeer()]
  const other = (await createPeer()).peerId.toString()
  expect(peerIdFromString(other).equals(listener.peerId)).toBe(false)
  const [outbound] = await connect(dialler, listener, { dialled: other })
  expect(outbound?.status).toBe('rejected')
  expect(dialler.getConnections()).toEqual([])
})
