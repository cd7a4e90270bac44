import type { Stream } from '@libp2p/interface'
import { expect, it, onTestFinished } from 'vitest'
import type { Host } from '../../host/index.ts'
import { Ledger } from '../../ledger/index.ts'
import {
  encodeAdvertisementRequest,
  encodeAdvertisementResponse,
  encodeReceiptRequest,
  encodeReceiptResponse,
  FrameWriter,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { addressesOf, startHost } from './host-peers.ts'

const BOUNDS = { maxFrames: 1, maxTotalBytes: 1 << 20 }
const QUESTIONS = {
  [PROTOCOLS.advertisement]: encodeAdvertisementRequest(1),
  [PROTOCOLS.receipt]: encodeReceiptRequest({ type: 'fetch', max: 1 }),
}
const ANSWERS = {
  [PROTOCOLS.advertisement]: encodeAdvertisementResponse({ own: new Uint8Array(), known: [] }),
  [PROTOCOLS.receipt]: encodeReceiptResponse({ type: 'known', known: [] }),
}

async function ledgerOf(host: Host): Promise<Ledger> {
  const peers = () => host.libp2p.getPeers()
  const ledger = new Ledger({ host, peers })
  await ledger.start()
  onTestFinished(() => ledger[Symbol.asyncDispose]())
  return ledger
}

/** Those of the two exchanges that are open on one side. */
function openAt(host: Host): Stream[] {
  const streams = host.libp2p.getConnections().flatMap((connection) => connection.streams)
  return streams.filter(({ protocol }) => protocol in QUESTIONS)
}

it('closes an exchange whose asker does not, and keeps nothing of what it goes on to send', async () => {
  const node = await startHost({ peerExchange: false })
  await ledgerOf(node)
  const asker = await startHost({ dht: 'client', peerExchange: false })
  await asker.connect(addressesOf(node)[0] ?? '')
  for (const [protocol, question] of Object.entries(QUESTIONS)) {
    const stream = await asker.libp2p.dialProtocol(node.peerId, protocol)
    await new FrameWriter(stream).write(question)
    const frames = readFrames(stream, BOUNDS)
    expect((await frames.next()).done, protocol).toBe(false)
    for (let n = 0; n < 64; n += 1) stream.send(new Uint8Array(4_096))
  }
  const unread = () => openAt(node).reduce((sum, { readBufferLength }) => sum + readBufferLength, 0)
  await expect
    .poll(() => [unread(), openAt(node).length], { timeout: 4_000, interval: 20 })
    .toEqual([0, 0])
})

it('closes an exchange that was answered by one who leaves it open', async () => {
  const liar = await startHost({ peerExchange: false })
  for (const [protocol, answer] of Object.entries(ANSWERS)) {
    await liar.libp2p.unhandle(protocol)
    await liar.libp2p.handle(protocol, async (stream) => {
      await new FrameWriter(stream).write(answer)
      for (let n = 0; n < 16; n += 1) stream.send(new Uint8Array(4_096))
    })
  }
  const asker = await startHost({ dht: 'client', peerExchange: false })
  const ledger = await ledgerOf(asker)
  await asker.connect(addressesOf(liar)[0] ?? '')
  expect(await asker.fetchAdvertisement(liar.peerId)).toBeUndefined()
  await ledger.gather()
  expect(openAt(asker).reduce((sum, { readBufferLength }) => sum + readBufferLength, 0)).toBe(0)
  await expect.poll(() => openAt(asker).length, { timeout: 4_000, interval: 20 }).toBe(0)
})
