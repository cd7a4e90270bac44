import { randomBytes } from 'node:crypto'
import { toString as toText } from 'uint8arrays/to-string'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHost, type Host } from '../../host/index.ts'
import { Ledger, type Received, ServedLog } from '../../ledger/index.ts'
import { LIMITS, type Receipt } from '../../protocol/index.ts'
import { addressesOf, createDataDir, LOOPBACK, track } from './host-peers.ts'

const DAY_MS = 86_400_000

let server: Host
let client: Host
let stranger: Host

beforeAll(async () => {
  server = await createHost({ dht: 'server', listen: LOOPBACK, peerExchange: false })
  client = await createHost({ dht: 'client', peerExchange: false })
  stranger = await createHost({ dht: 'client', peerExchange: false })
  for (const host of [client, stranger]) await host.connect(addressesOf(server)[0] ?? '')
})

afterAll(() => Promise.all([server, client, stranger].map((host) => host[Symbol.asyncDispose]())))

/** Client and node, connected, with a clock of their own. No engine: what was answered is noted by hand. */
function createPair() {
  const clock = { nowMs: Date.now() }
  const served = new ServedLog()
  const open = async (
    host: Host,
    more: { readonly dataDir?: string; readonly served?: ServedLog },
  ) => {
    const ledger = new Ledger({ host, peers: () => [], now: () => clock.nowMs, ...more })
    await ledger.start()
    return track(ledger)
  }
  return {
    clock,
    openClient: (dataDir?: string, host: Host = client) =>
      open(host, dataDir === undefined ? {} : { dataDir }),
    openNode: (dataDir?: string) =>
      open(server, dataDir === undefined ? { served } : { served, dataDir }),
    /** The node answers somebody. @returns what that client knows of it */
    answer: (host: Host = client): Received => {
      const attemptId = new Uint8Array(randomBytes(16))
      const told = {
        ...{ specHash: new Uint8Array(32), answerHash: new Uint8Array(randomBytes(32)) },
        ...{ inputTokens: 5, outputTokens: 7 },
        ...{ startedAtMs: clock.nowMs - 1_000, endedAtMs: clock.nowMs },
      }
      served.note(attemptId, { client: host.peerId.toString(), ...told })
      return { attemptId, server: server.peerId, ...told }
    },
  }
}

const hex = (bytes: Uint8Array = new Uint8Array()): string => toText(bytes, 'hex')
const hashesIn = ({ book }: Ledger): string[] => book.all().map(({ hash }) => hex(hash))
const placeOf = (receipt: Receipt | undefined) =>
  receipt && { sequence: receipt.sequence, after: hex(receipt.previousHash) }

const close = (ledger: Ledger): PromiseLike<void> => ledger[Symbol.asyncDispose]()

describe('the chain of a pair', () => {
  it('goes on after a restart of either side', async () => {
    const pair = createPair()
    const [clientDir, nodeDir] = [await createDataDir(), await createDataDir()]
    let client = await pair.openClient(clientDir)
    let node = await pair.openNode(nodeDir)
    const first = await client.issue(pair.answer())
    expect(first?.sequence).toBe(1)
    await close(client)
    client = await pair.openClient(clientDir)
    expect(hashesIn(client)).toEqual([hex(first?.hash)])
    const second = await client.issue(pair.answer())
    expect(placeOf(second)).toEqual({ sequence: 2, after: hex(first?.hash) })
    await close(node)
    node = await pair.openNode(nodeDir)
    expect(hashesIn(node)).toEqual([hex(first?.hash), hex(second?.hash)])
    const third = await client.issue(pair.answer())
    expect(placeOf(third)).toEqual({ sequence: 3, after: hex(second?.hash) })
  })

  it('is taken up where the node says by a client that lost its own', async () => {
    const pair = createPair()
    const before = await pair.openClient()
    const node = await pair.openNode()
    await before.issue(pair.answer())
    const last = await before.issue(pair.answer())
    await close(before)
    const client = await pair.openClient()
    const next = await client.issue(pair.answer())
    expect(placeOf(next)).toEqual({ sequence: 3, after: hex(last?.hash) })
    // It also holds the receipt that the node reported.
    expect(client.book.all().map(({ sequence }) => sequence)).toEqual([2, 3])
    expect(node.book.all().map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  it('is taken up where the client shows by a node that lost its own', async () => {
    const pair = createPair()
    const client = await pair.openClient()
    const before = await pair.openNode()
    const last = await client.issue(pair.answer())
    await close(before)
    const node = await pair.openNode()
    const next = await client.issue(pair.answer())
    expect(placeOf(next)).toEqual({ sequence: 2, after: hex(last?.hash) })
    expect(node.book.all().map(({ sequence }) => sequence)).toEqual([1, 2])
  })

  it.each([
    ['neither was restarted', false, false],
    ['the client was restarted', true, false],
    ['the node was restarted', false, true],
    ['both were restarted', true, true],
  ])('starts anew after all of it has expired, and %s', async (_, isClientNew, isNodeNew) => {
    const pair = createPair()
    const [clientDir, nodeDir] = [await createDataDir(), await createDataDir()]
    let client = await pair.openClient(clientDir)
    let node = await pair.openNode(nodeDir)
    await client.issue(pair.answer())
    expect((await client.issue(pair.answer()))?.sequence).toBe(2)
    pair.clock.nowMs += LIMITS.maxReceiptAgeMs + DAY_MS
    if (isClientNew) {
      await close(client)
      client = await pair.openClient(clientDir)
    }
    if (isNodeNew) {
      await close(node)
      node = await pair.openNode(nodeDir)
    }
    expect((await client.issue(pair.answer()))?.sequence).toBe(1)
    expect((await client.issue(pair.answer()))?.sequence).toBe(2)
    expect(node.book.all().map(({ sequence }) => sequence)).toEqual([1, 2])
  })
})

describe('a node signs', () => {
  it('once for an answer', async () => {
    const pair = createPair()
    const client = await pair.openClient()
    const node = await pair.openNode()
    const answer = pair.answer()
    expect(await client.issue(answer)).toBeDefined()
    expect(await client.issue(answer)).toBeUndefined()
    expect(node.book.size).toBe(1)
  })

  it('not for another client’s answer, and still for its own', async () => {
    const pair = createPair()
    const client = await pair.openClient()
    const node = await pair.openNode()
    const thief = await pair.openClient(undefined, stranger)
    const answer = pair.answer()
    expect(await thief.issue(answer)).toBeUndefined()
    expect(node.book.size).toBe(0)
    expect(await client.issue(answer)).toBeDefined()
    // It is no matter of who asks.
    expect(await thief.issue(pair.answer(stranger))).toBeDefined()
  })

  it('for nothing that was not answered so', async () => {
    const pair = createPair()
    const client = await pair.openClient()
    const node = await pair.openNode()
    const answer = pair.answer()
    const { outputTokens, endedAtMs } = answer
    const lies: Readonly<Record<string, Partial<Received>>> = {
      'an answer that never was': { attemptId: new Uint8Array(16) },
      'more tokens': { outputTokens: outputTokens + 1 },
      'another text': { answerHash: new Uint8Array(32) },
      'another model': { specHash: new Uint8Array(32).fill(1) },
      'another hour': { startedAtMs: endedAtMs - 3_600_000, endedAtMs: endedAtMs - 3_600_000 },
      'a longer time': { startedAtMs: endedAtMs - 3_600_000 },
    }
    for (const [what, lie] of Object.entries(lies)) {
      expect(await client.issue({ ...answer, ...lie }), what).toBeUndefined()
    }
    expect(node.book.size).toBe(0)
    expect(await client.issue(answer)).toBeDefined()
  })
})
