import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { multiaddr } from '@multiformats/multiaddr'
import { createHost } from '../host/index.ts'
import { decodeProbeResponse, FrameWriter, PROTOCOLS, readFrames } from '../protocol/index.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'

const ECHO_SERVER = `
const server = require('node:net').createServer((socket) => socket.setNoDelay(true).pipe(socket))
server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port))`

/** Opening a stream and one exchange on it, against a TCP connection and one exchange on that. */
export async function streams(quick: boolean): Promise<Report> {
  // Within a node's limit for one peer.
  const count = quick ? 50 : 150
  const echo = new Worker(ECHO_SERVER, { eval: true })
  const [port] = (await once(echo, 'message')) as [AddressInfo['port']]
  await using peer = await startPeer({ kind: 'node', engine: 'scripted' })
  await using host = await createHost({ dht: 'client', bootstrap: peer.addresses })
  const connection = await host.libp2p.dial(peer.addresses.map((address) => multiaddr(address)))
  const samples = { tcp: [] as number[], stream: [] as number[] }
  for (let i = -20; i < count; i++) {
    const tcp = await timed(() => echoOnce(port))
    const stream = await timed(async () => {
      const opened = await connection.newStream(PROTOCOLS.probe)
      const writer = new FrameWriter(opened)
      await writer.write(new Uint8Array())
      await writer.close()
      for await (const bytes of readFrames(opened, { maxFrames: 1, maxTotalBytes: 1024 })) {
        decodeProbeResponse(bytes)
      }
    })
    if (i < 0) continue
    samples.tcp.push(tcp)
    samples.stream.push(stream)
  }
  await echo.terminate()
  const base = percentile(samples.tcp, 0.5)
  const row = (what: string, values: readonly number[]) => ({
    what,
    'p50 ms': round(percentile(values, 0.5)),
    'p99 ms': round(percentile(values, 0.99)),
    ratio: round(percentile(values, 0.5) / base),
  })
  return {
    title: `open and one exchange, ${count} times each, taking turns, warm connection`,
    rows: [
      row('TCP connection, echo', samples.tcp),
      row('stream on a warm connection, probe', samples.stream),
    ],
    notes: [
      'Negotiating the protocol id costs a round trip of its own, and each message a Noise encryption in JavaScript: these dominate.',
    ],
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

async function echoOnce(port: number): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write('probe')
  await once(socket, 'data')
  socket.destroy()
}
