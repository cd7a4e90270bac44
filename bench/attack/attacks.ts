import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { multiaddr } from '@multiformats/multiaddr'
import * as lengthPrefixed from 'it-length-prefixed'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as digestOf } from 'multiformats/hashes/digest'
import type { Host } from '../../host/index.ts'
import {
  CIRCUIT_PROTOCOLS,
  encodeClientFrame,
  encodeDialBackRequest,
  encodeHopRequest,
  FrameWriter,
  LIMITS,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { chat, headFrame, openStream, upload } from './peer.ts'
import type { TargetReady } from './target.ts'

/** What an attack reports of itself, so that it is judged by what it did and not by how busy the machine is. */
export interface Progress {
  /** Everything that it holds is in place: honest callers begin. */
  readonly established: () => void
  /** One more message was sent, or one more stream opened. */
  readonly sent: () => void
}

/** Runs an attack until the signal fires. Refusals are ignored. */
export type Attack = (
  target: TargetReady,
  attackers: readonly Host[],
  signal: AbortSignal,
  progress: Progress,
) => Promise<void>

/** Values within 16 MiB: invalid, so that each would be told. */
const MANY_VALUES = `{"model":"m","messages":[${Array(480_000).fill('{"role":"usr","content":1}').join()}]}`
const MANY_PARTS = `${'--B\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n'.repeat(100_000)}--B--\r\n`
const SILENT_SOCKETS = 150
/** Of each attacker: two of them hold more than the bounds on a peer and a network. */
const STREAMS_WITHOUT_HEAD = 700
const RESETS_AT_ONCE = 32
const QUESTIONS_AT_ONCE = 16
const LENGTH_DELIMITED = 2
const ADD_PROVIDER = 2

/** By the names that docs/threat-model.md uses. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'announced bodies': async ({ node }, attackers, signal, progress) => {
    await onStreams(attackers, node, 8, signal, progress, async (stream) => {
      await new FrameWriter(stream).write(headFrame(LIMITS.maxRequestBytes))
    })
  },
  'withheld heads': async ({ node }, attackers, signal, progress) => {
    await onStreams(
      attackers,
      node,
      STREAMS_WITHOUT_HEAD,
      signal,
      progress,
      async () => {},
      PROTOCOLS.keptInference,
    )
  },
  'sipped bodies': async ({ node }, attackers, signal, progress) => {
    await onStreams(attackers, node, 8, signal, progress, async (stream) => {
      const writer = new FrameWriter(stream)
      await writer.write(headFrame(LIMITS.maxRequestBytes))
      while (!signal.aborted && stream.status === 'open') {
        await writer.write(encodeClientFrame({ type: 'body', data: Uint8Array.of(32) }))
        await wait(200)
      }
    })
  },
  'streams opened and reset': ({ node }, attackers, signal, progress) =>
    repeated(attackers, signal, progress, async (attacker) => {
      const streams = Array.from({ length: RESETS_AT_ONCE }, () =>
        openStream(attacker, node, PROTOCOLS.inference).then((stream) =>
          stream.abort(new Error('reset')),
        ),
      )
      await Promise.allSettled(streams)
    }),
  'questions for advertisements': ({ node }, attackers, signal, progress) =>
    questions(
      attackers,
      { address: node, protocol: PROTOCOLS.advertisement },
      signal,
      progress,
      () => Uint8Array.of(8, LIMITS.maxKnownAdvertisements),
    ),
  notices: ({ node }, attackers, signal, progress) =>
    questions(attackers, { address: node, protocol: PROTOCOLS.notice }, signal, progress, () =>
      randomBytes(LIMITS.maxAdvertisementBytes / 2),
    ),
  'requests for reservations': ({ bootstrap }, attackers, signal, progress) =>
    questions(
      attackers,
      { address: bootstrap, protocol: CIRCUIT_PROTOCOLS.hop },
      signal,
      progress,
      () => encodeHopRequest({ type: 'reserve' }),
    ),
  'requests to dial back': ({ bootstrap }, attackers, signal, progress) =>
    questions(
      attackers,
      { address: bootstrap, protocol: PROTOCOLS.dialBack },
      signal,
      progress,
      () =>
        encodeDialBackRequest([
          { address: multiaddr('/ip4/127.0.0.1/tcp/9'), nonce: randomBytes(16) },
        ]),
    ),
  'requests for unknown models': ({ gateway }, attackers, signal, progress) =>
    repeated(attackers, signal, progress, () => {
      const model = `unknown-${randomBytes(4).toString('hex')}`
      return post(
        `${gateway}/v1/chat/completions`,
        JSON.stringify({ model, messages: [] }),
        JSON_TYPE,
      )
    }),
  'unread answers': async ({ node }, attackers, signal, progress) => {
    await onStreams(attackers, node, 4, signal, progress, async (stream) => {
      stream.pause()
      await upload(stream, chat('for ever'))
    })
  },
  'costly bodies at the node': ({ node }, attackers, signal, progress) =>
    repeated(attackers, signal, progress, async (attacker) => {
      const stream = await openStream(attacker, node, PROTOCOLS.inference)
      await upload(stream, new TextEncoder().encode(MANY_VALUES)).catch(() => {})
      stream.abort(new Error('over'))
    }),
  'costly bodies at the gateway': ({ gateway }, attackers, signal, progress) =>
    repeated(attackers, signal, progress, () =>
      post(`${gateway}/v1/chat/completions`, MANY_VALUES, JSON_TYPE),
    ),
  'forms of many parts': ({ gateway }, attackers, signal, progress) =>
    repeated(attackers, signal, progress, () =>
      post(`${gateway}/v1/files`, MANY_PARTS, 'multipart/form-data; boundary=B'),
    ),
  'silent sockets at the node': ({ node }, _attackers, signal, progress) =>
    silence(portOf(node), signal, progress),
  'silent sockets at the gateway': ({ gateway }, _attackers, signal, progress) =>
    silence(Number(new URL(gateway).port), signal, progress),
  'records for random keys': ({ bootstrap }, attackers, signal, progress) =>
    repeated(attackers, signal, progress, async (attacker) => {
      const stream = await openStream(attacker, bootstrap, PROTOCOLS.kad)
      const records = Array.from({ length: 200 }, () =>
        lengthPrefixed.encode.single(providerRecord(attacker)).subarray(),
      )
      stream.send(Buffer.concat(records))
      await stream.close()
    }),
}

const JSON_TYPE = 'application/json'

async function post(url: string, body: string, type: string): Promise<void> {
  const init = { method: 'POST', body, headers: { 'content-type': type } }
  await (await fetch(url, init)).text()
}

/** Opens streams, and keeps them open; those that end are opened anew. */
async function onStreams(
  attackers: readonly Host[],
  address: string,
  count: number,
  signal: AbortSignal,
  progress: Progress,
  begin: (stream: Awaited<ReturnType<typeof openStream>>) => Promise<void>,
  protocol: string = PROTOCOLS.inference,
): Promise<void> {
  let waiting = count * attackers.length
  const tried = (): void => {
    waiting -= 1
    if (waiting === 0) progress.established()
  }
  const hold = async (attacker: Host): Promise<void> => {
    for (let tries = 0; !signal.aborted; tries += 1) {
      const stream = await openStream(attacker, address, protocol).catch(() => undefined)
      progress.sent()
      const begun = stream && begin(stream).catch(() => {})
      if (tries === 0) void Promise.resolve(begun).then(tried)
      if (stream !== undefined) {
        await begun
        while (stream.status === 'open' && !signal.aborted) await wait(100)
        stream.abort(new Error('over'))
      }
      await wait(100)
    }
  }
  await Promise.all(attackers.flatMap((attacker) => Array(count).fill(attacker).map(hold)))
}

async function repeated(
  attackers: readonly Host[],
  signal: AbortSignal,
  { established, sent }: Progress,
  once: (attacker: Host) => Promise<void>,
): Promise<void> {
  await Promise.all(
    attackers.map(async (attacker) => {
      while (!signal.aborted) {
        const done = once(attacker).catch(() => {})
        sent()
        established()
        await done
        await wait(20)
      }
    }),
  )
}

/** Asks the same again and again, over streams of their own. */
async function questions(
  attackers: readonly Host[],
  { address, protocol }: { readonly address: string; readonly protocol: string },
  signal: AbortSignal,
  progress: Progress,
  question: () => Uint8Array,
): Promise<void> {
  await repeated(attackers, signal, progress, async (attacker) => {
    const streams = Array.from({ length: QUESTIONS_AT_ONCE }, async () => {
      const stream = await openStream(attacker, address, protocol)
      await new FrameWriter(stream).write(question())
      await stream.close()
    })
    await Promise.allSettled(streams)
  })
}

async function silence(
  port: number,
  signal: AbortSignal,
  { established, sent }: Progress,
): Promise<void> {
  const sockets = new Set<Socket>()
  let opened = 0
  while (!signal.aborted) {
    for (let n = 0; n < 10 && sockets.size < SILENT_SOCKETS; n += 1) {
      const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
      sockets.add(socket)
      opened += 1
      sent()
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    if (opened >= SILENT_SOCKETS) established()
    await wait(100)
  }
  for (const socket of sockets) socket.destroy()
}

function portOf(address: string): number {
  return Number(/\/tcp\/(\d+)/.exec(address)?.[1])
}

function providerRecord(attacker: Host): Uint8Array {
  const key = CID.createV1(raw.code, digestOf(0x12, randomBytes(32))).bytes
  const address = Uint8Array.of(4, 8, 8, 8, 8, 6, 0, 1)
  const provider = new BinaryWriter()
    .tag(1, LENGTH_DELIMITED)
    .bytes(attacker.peerId.toMultihash().bytes)
    .tag(2, LENGTH_DELIMITED)
    .bytes(address)
    .finish()
  const record = new BinaryWriter().tag(1, 0).uint32(ADD_PROVIDER)
  return record
    .tag(2, LENGTH_DELIMITED)
    .bytes(key)
    .tag(9, LENGTH_DELIMITED)
    .bytes(provider)
    .finish()
}
