import { setTimeout as wait } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { createHost, type Host } from '../../host/index.ts'
import {
  decodeNodeFrame,
  encodeClientFrame,
  FrameWriter,
  type Head,
  InferenceError,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'

const BODY_PIECE = 65_536
let attempts = 0

/** A host that only asks, as clients and attackers are. */
export async function openPeer(): Promise<Host> {
  return await createHost({ dht: 'client', listen: [], peerExchange: false })
}

export async function openStream(peer: Host, address: string, protocol: string): Promise<Stream> {
  const target = await peer.connect(address)
  const [connection] = peer.libp2p.getConnections(target)
  if (connection === undefined) throw new Error('the connection is gone')
  return await connection.newStream(protocol, {
    maxOutboundStreams: 5_000,
    signal: AbortSignal.timeout(10_000),
  })
}

export function headFrame(bodyBytes: number): Uint8Array {
  return encodeClientFrame({ type: 'head', ...headOf(bodyBytes) })
}

function headOf(bodyBytes: number): Head {
  const attemptId = new Uint8Array(16)
  attempts += 1
  new DataView(attemptId.buffer).setUint32(0, attempts)
  return { attemptId, remainingMs: 60_000, kind: 'chat', model: 'scripted', bodyBytes }
}

export function chat(content: string): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      model: 'scripted',
      max_tokens: 150_000,
      messages: [{ role: 'user', content }],
    }),
  )
}

export async function upload(stream: Stream, body: Uint8Array): Promise<void> {
  const writer = new FrameWriter(stream)
  await writer.write(headFrame(body.length))
  for (let at = 0; at < body.length; at += BODY_PIECE) {
    await writer.write(
      encodeClientFrame({ type: 'body', data: body.subarray(at, at + BODY_PIECE) }),
    )
  }
  await writer.close()
}

/**
 * One honest request, asked again where the node says when, as clients do.
 *
 * @returns milliseconds to the first chunk
 * @throws where no whole answer comes in time
 */
export async function ask(peer: Host, address: string, timeoutMs: number): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const spentMs = performance.now() - startedAt
    try {
      return spentMs + (await askOnce(peer, address, timeoutMs - spentMs))
    } catch (error) {
      const { retryAfterMs = 0 } = InferenceError.from(error)
      if (retryAfterMs === 0 || spentMs + retryAfterMs > timeoutMs) throw error
      await wait(retryAfterMs)
    }
  }
}

async function askOnce(peer: Host, address: string, timeoutMs: number): Promise<number> {
  const startedAt = performance.now()
  const stream = await openStream(peer, address, PROTOCOLS.keptInference)
  const late = setTimeout(() => stream.abort(new Error('too late')), timeoutMs)
  let firstMs: number | undefined
  try {
    const data = chat('Count from 1 to 3.')
    const head = headOf(data.length)
    const { attemptId } = head
    const writer = new FrameWriter(stream)
    await writer.write(encodeClientFrame({ type: 'head', ...head }))
    await writer.write(encodeClientFrame({ type: 'body', data }, attemptId))
    for await (const bytes of readFrames(stream, { maxFrames: 1_000, maxTotalBytes: 1_000_000 })) {
      const frame = decodeNodeFrame(bytes, attemptId)
      if (frame.type === 'chunk') firstMs ??= performance.now() - startedAt
      if (frame.type === 'failed') throw frame.error
      if (frame.type === 'done' && firstMs !== undefined) return firstMs
    }
    throw new Error('the answer has no end')
  } finally {
    clearTimeout(late)
    stream.abort(new Error('over'))
  }
}
