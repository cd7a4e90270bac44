import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { createOpenAiBackend } from '../../backend/index.ts'
import { parseConfig } from '../../cli/config/parse-config.ts'
import { parseChunk } from '../../client/attempt/chunk.ts'
import { candidatesOf } from '../../client/peers/directory/eligibility.ts'
import { explainAbsence, listModels } from '../../client/peers/index.ts'
import { readBatchLine } from '../../gateway/batches/batch-line.ts'
import { createAdvertisementBook } from '../../host/advertisement-book.ts'
import { boundedIdentify } from '../../host/bounded-identify.ts'
import { DHT_LIMITS } from '../../host/dht-guard/limits.ts'
import { boundMessage } from '../../host/dht-guard/message.ts'
import { fetchAdvertisement } from '../../host/exchange-client.ts'
import { Roster } from '../../host/members/roster.ts'
import {
  type Advertisement,
  type Certificate,
  decodeAdvertisementResponse,
  decodeMembershipQuestion,
  decodeNodeFrame,
  decodeReceiptResponse,
  encodeAdvertisementResponse,
  encodeNodeFrame,
  LIMITS,
  type MemberList,
  openMemberList,
  sealAdvertisement,
  sealMemberList,
} from '../../protocol/index.ts'
import { fakeFetch } from '../../testing/engines/fake-engine.ts'
import { modelNamed, newPeerId } from '../../testing/swarms/client-peers.ts'
import { longIdentify } from '../../testing/swarms/long-identify.ts'
import { pairFor } from '../../testing/swarms/pair-for.ts'

/** Work that a stranger, an engine or a file can cause with one message. */
export interface HeavyInput {
  readonly role: string
  readonly input: string
  /** Prepares it, outside of what is measured. */
  readonly work: () => Promise<() => unknown>
}

const FRAME = LIMITS.maxFrameBytes - 512
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
/** As many of these as fit into a frame. */
const full = (piece: string): string =>
  Array(Math.floor(FRAME / (piece.length + 1)))
    .fill(piece)
    .join()
const fields = (count: number, value: string): string =>
  Array.from({ length: count }, (_, n) => `"f${n}":${value}`).join()

function chunkOf(kind: 'chat' | 'completion' | 'embedding' | 'score', text: string) {
  const json = bytesOf(text)
  return async () => () => parseChunk(kind, json)
}

const chatWith = (rest: string) =>
  chunkOf('chat', `{"choices":[{"index":0,"delta":{},"logprobs":{"content":[${rest}]}}]}`)
const completionWith = (logprobs: string) =>
  chunkOf('completion', `{"choices":[{"index":0,"text":"","logprobs":{${logprobs}}}]}`)
const scoresOf = (top: string): string =>
  `{"object":"score","scores":[${full(`{"top":[${Array(20).fill(top).join()}]}`)}]}`

const chunks: readonly HeavyInput[] = [
  { input: 'log probabilities', work: chatWith(full('{}')) },
  { input: 'bytes of a token', work: chatWith(`{"token":"","logprob":0,"bytes":[${full('""')}]}`) },
  { input: 'valid log probabilities', work: chatWith(full('{"token":"","logprob":-1}')) },
  { input: 'tokens', work: completionWith(`"tokens":[${full('0')}]`) },
  { input: 'likely tokens', work: completionWith(`"top_logprobs":[{${fields(60_000, '""')}}]`) },
  { input: 'unknown fields', work: chunkOf('chat', `{"choices":[],${fields(80_000, '1')}}`) },
  {
    input: 'invalid numbers',
    work: chunkOf('embedding', `{"index":0,"embedding":[${full('""')}]}`),
  },
  { input: 'scores', work: chunkOf('score', scoresOf('{}')) },
].map(({ input, work }) => ({ role: 'client', input: `a chunk of ${input}`, work }))

/** A message with nothing but this empty field, as often as it fits. */
function emptyFields(field: number, bytes: number): Uint8Array {
  const writer = new BinaryWriter()
  for (let n = 0; n < bytes / 2; n += 1) writer.tag(field, 2).bytes(new Uint8Array())
  return writer.finish()
}

function decoding(read: (bytes: Uint8Array) => unknown, field: number, bytes = FRAME) {
  return async () => {
    const message = emptyFields(field, bytes)
    return () => read(message)
  }
}

/** 20,000 closer peers, or as many as a message has room for, each with addresses. */
function dhtAnswer(addresses: number): Uint8Array {
  const peer = new BinaryWriter().tag(1, 2).bytes(new Uint8Array(38))
  for (let n = 0; n < addresses; n += 1) peer.tag(2, 2).bytes(Uint8Array.of(4, 8, 8, 8, 8, 6, 0, 1))
  const one = peer.finish()
  const writer = new BinaryWriter()
  for (let n = 0; n < DHT_LIMITS.maxAnswerBytes / one.length - 8; n += 1)
    writer.tag(8, 2).bytes(one)
  return writer.finish()
}

async function sealed(models: number): Promise<Uint8Array> {
  const issuedAtMs = Date.now()
  const advertisement: Omit<Advertisement, 'peerId'> = {
    ...{ sequence: 1n, issuedAtMs, expiresAtMs: issuedAtMs + 3_600_000 },
    ...{ protocols: [], addresses: [], slots: 1, prefillRate: 0, decodeRate: 0, maxTokens: 0 },
    operator: '',
    models: Array.from({ length: models }, (_, n) => modelNamed(`model-${n}`)),
  }
  return await sealAdvertisement(advertisement, await generateKeyPair('Ed25519'))
}

/** The largest answer of a peer exchange, taken into a book that is full. */
async function exchange(): Promise<() => unknown> {
  const envelopes = (count: number, models: number): Promise<Uint8Array[]> =>
    Promise.all(Array.from({ length: count }, () => sealed(models)))
  const [self, peer] = await Promise.all([newPeerId(), newPeerId()])
  const book = createAdvertisementBook({ self, now: Date.now, maxEntries: 128 })
  for (const envelope of await envelopes(128, 1)) await book.take(envelope)
  const known = await envelopes(LIMITS.maxKnownAdvertisements, 90)
  const response = encodeAdvertisementResponse({ own: new Uint8Array(), known })
  const dial = async () => {
    const [near, far] = await pairFor('/exchange')
    const { FrameWriter } = await import('../../protocol/index.ts')
    const writer = new FrameWriter(far)
    void writer.write(response).then(() => writer.close())
    return near
  }
  const clocks = { heard: () => {}, timeOf: () => undefined, timeOfMajority: () => undefined }
  const libp2p = { dialProtocol: dial, getConnections: () => [] }
  const init = { libp2p, book, clocks, now: Date.now } as unknown as Parameters<
    typeof fetchAdvertisement
  >[0]
  return () => fetchAdvertisement(init, peer, { maxKnown: LIMITS.maxKnownAdvertisements })
}

async function memberList(): Promise<() => unknown> {
  const key = await generateKeyPair('Ed25519')
  const member = await newPeerId()
  const list = await sealMemberList(
    {
      ...{ swarmId: new Uint8Array(32), number: 1, issuedAtMs: 1 },
      ...{ certificates: [], invites: [] },
      revocations: Array(LIMITS.maxRevocations).fill({ member, revokedAtMs: 1 }),
      closedInvites: Array(LIMITS.maxMembers).fill({ key: member, expiresAtMs: 1 }),
    },
    key,
  )
  return () => openMemberList(list)
}

/** As many connections as a host has, judged by lists of members that all joined with one invite. */
async function membersOfOneInvite(): Promise<() => unknown> {
  const owner = await generateKeyPair('Ed25519')
  const issuer = peerIdFromPrivateKey(owner)
  const [invite, ...members] = await Promise.all(
    Array.from({ length: LIMITS.maxMembers + 1 }, () => newPeerId()),
  )
  const swarmId = new Uint8Array(32)
  const certificates = members.map((member, at) => ({
    ...{ swarmId, member, issuer, name: 'm', role: 'node', bytes: new Uint8Array() },
    ...{ joinedAtMs: at, notBeforeMs: Date.now(), expiresAtMs: Date.now() + 3_600_000 },
    invite: { key: invite, uses: LIMITS.maxMembers },
  }))
  const roster = new Roster({ swarmId, owner: issuer })
  const none = { invites: [], revocations: [], closedInvites: [], bytes: new Uint8Array() }
  roster.take({ swarmId, issuer, number: 1, issuedAtMs: 1, certificates, ...none } as MemberList)
  const newest = certificates.at(-1) as Certificate
  return () => {
    for (let n = 0; n < 300; n += 1) roster.standingOf(newest, Date.now())
  }
}

/** All that a book holds: 1,024 peers with 128 models and their aliases. */
let book: readonly Advertisement[] | undefined

function fullBook(): readonly Advertisement[] {
  if (book !== undefined) return book
  const peers = Array.from({ length: 1_024 }, (_, at) => ({
    ...{ peerId: { toString: () => `peer ${at}` }, slots: 1, expiresAtMs: Date.now() + 3_600_000 },
    models: Array.from({ length: LIMITS.maxAdvertisedModels }, (_unused, n) =>
      modelNamed(`model-${at}-${n}`, {
        aliases: Array.from(
          { length: LIMITS.maxAliases },
          (_none, alias) => `alias-${alias}-${at}-${n}`,
        ),
      }),
    ),
  }))
  book = peers as unknown as readonly Advertisement[]
  return book
}

const NESTED = ['a: &a0 {x: 1, y: 1}']
for (let n = 0; n < 24; n += 1) NESTED.push(`b${n}: &a${n + 1} {x: *a${n}, y: *a${n}}`)

/** Every role, by each input that others can send it. The bodies of requests are in heavy-bodies.ts and loop-blocks.test.ts. */
export const HEAVY: readonly HeavyInput[] = [
  ...chunks,
  {
    ...{ role: 'client', input: 'a frame of token ids' },
    work: async () => {
      const tokenIds = Array<number>(LIMITS.maxTokenIds).fill(1)
      const frame = {
        type: 'chunk',
        seq: 0,
        json: new Uint8Array(),
        tokenIds,
        logprobs: [],
      } as const
      const bytes = encodeNodeFrame(frame)
      return () => decodeNodeFrame(bytes)
    },
  },
  {
    ...{ role: 'client', input: 'the list of models of a full book' },
    work: async () => {
      const advertisements = fullBook()
      return () => listModels(advertisements, () => false)
    },
  },
  {
    ...{ role: 'client', input: 'the reason why a full book has no such model' },
    work: async () => {
      const query = { reference: { id: 'none' }, needs: { capabilities: [], fields: [] } }
      const inputs = { query, advertisements: fullBook(), connectedPeers: 1, bootstrap: [] }
      return () => explainAbsence(inputs)
    },
  },
  {
    ...{ role: 'client', input: 'a look for candidates in a full book' },
    work: async () => {
      const advertisements = fullBook()
      const query = { reference: { id: 'none' }, needs: { capabilities: [], fields: [] } }
      return () => candidatesOf(advertisements, query, Date.now())
    },
  },
  { role: 'host', input: 'an answer of the peer exchange into a full book', work: exchange },
  {
    ...{ role: 'host', input: 'an answer of the peer exchange of empty advertisements' },
    work: decoding(decodeAdvertisementResponse, 2),
  },
  ...[0, 1_000].map((addresses) => ({
    ...{ role: 'host', input: `a DHT answer of closer peers with ${addresses} addresses` },
    work: async () => {
      const answer = dhtAnswer(addresses)
      return () => boundMessage(answer)
    },
  })),
  ...(['addresses', 'name', 'protocols', 'signed addresses'] as const).map((of) => ({
    ...{ role: 'host', input: `an identify of ${of}` },
    work: () => longIdentify(of, boundedIdentify()),
  })),
  { role: 'host', input: 'receipts without content', work: decoding(decodeReceiptResponse, 3) },
  {
    ...{ role: 'member', input: 'lists without content' },
    work: decoding(decodeMembershipQuestion, 3),
  },
  { role: 'member', input: 'a list of the most revocations', work: memberList },
  { role: 'member', input: 'connections of members by one invite', work: membersOfOneInvite },
  {
    ...{ role: 'gateway', input: 'a line of a batch with 130,000 fields' },
    work: async () => {
      const request = '"custom_id":"a","method":"POST","url":"/v1/chat/completions"'
      const line = `{${request},"body":{${fields(130_000, '1')}}}`
      return () => readBatchLine(line)
    },
  },
  {
    ...{ role: 'node', input: 'a listing of 130,000 models by its engine' },
    work: async () => {
      const data = Array.from({ length: 130_000 }, (_, n) => ({ id: `m${n}`, owned_by: 'x' }))
      const text = JSON.stringify({ data })
      const { fetch } = fakeFetch({ '/v1/models': () => new Response(text) })
      return () => createOpenAiBackend({ baseUrl: 'http://engine', fetch }).models()
    },
  },
  ...[
    ['aliases of aliases', NESTED.join('\n')],
    ['two million characters', 'a: 1\n'.repeat(400_000)],
    ['brackets', `a: ${'['.repeat(100_000)}`],
  ].map(([input = '', text = '']) => ({
    ...{ role: 'command', input: `a configuration of ${input}` },
    work: async () => () => parseConfig(text, 'skein.yaml', { sections: new Set(), env: {} }),
  })),
]
