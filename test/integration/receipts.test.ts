import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { type Client, createClientOver } from '../../client/index.ts'
import { createHost, type Host } from '../../host/index.ts'
import { Ledger, type Received, specHashOf } from '../../ledger/index.ts'
import { createNode, type Node, type NodeInit } from '../../node/index.ts'
import {
  decodeReceiptResponse,
  encodeReceiptRequest,
  FrameWriter,
  PROTOCOLS,
  type ReceiptRequest,
  readFrames,
} from '../../protocol/index.ts'
import { createDataDir, LOOPBACK, track } from './host-peers.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const MODEL = {
  id: 'm',
  digest: `sha256:${'7'.repeat(64)}`,
  capabilities: ['chat', 'token_ids', 'score'],
} as const
const QUESTION = {
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user', content: 'Hi' }],
} as const
const ANSWER = 'one two three four five six seven eight nine ten eleven twelve'

const addressesOf = ({ host }: { host: Host }): string[] => host.addresses().map(String)

async function nodeOf(
  init: Partial<NodeInit> = {},
  bootstrap: readonly string[] = [],
): Promise<Node> {
  const backend = createScriptedBackend({ models: [MODEL], script: () => ({ answer: ANSWER }) })
  onTestFinished(() => backend[Symbol.asyncDispose]())
  const host = { listen: LOOPBACK, bootstrap, ...init.host }
  return track(await createNode({ backend, ...init, host }))
}

interface Asker {
  readonly client: Client
  readonly ledger: Ledger
  /** Answers that a receipt was asked for. */
  readonly issued: readonly Received[]
  readonly id: string
}

async function askerOf(
  bootstrap: readonly string[],
  friends: readonly string[] = [],
  dataDir?: string,
): Promise<Asker> {
  const host = await createHost({
    ...{ dht: 'client', bootstrap },
    ...(dataDir !== undefined && { dataDir }),
  })
  const peers = () => host.book.all().map(({ peerId }) => peerId)
  const ledger = new Ledger({ host, friends, peers, dataDir })
  await ledger.start()
  const issued: Received[] = []
  const giving = ledger.issue.bind(ledger)
  ledger.issue = (answer) => {
    issued.push(answer)
    return giving(answer)
  }
  const client = track(
    createClientOver(host, { ledger, receipts: true, policy: 'single', verify: 'always' }),
  )
  return { client, ledger, issued, id: host.peerId.toString() }
}

/** Asks until it has given this node a receipt. */
async function untilReceipt({ client, ledger }: Asker, node: Node): Promise<void> {
  await vi.waitFor(async () => expect((await client.peers()).length).toBeGreaterThan(1), {
    timeout: 20_000,
  })
  await vi.waitFor(
    async () => {
      await Promise.all(Array.from({ length: 6 }, () => client.chat(QUESTION)))
      const servers = ledger.book.all().map(({ server }) => server.toString())
      expect(servers).toContain(node.host.peerId.toString())
    },
    { timeout: 40_000, interval: 1_000 },
  )
}

describe('receipts between real peers', () => {
  it('let a friend know a good node, and its owner be served before strangers', async () => {
    const owner = await createHost({ dht: 'client' })
    track(owner)
    const good = await nodeOf({ creditTo: owner.peerId.toString() })
    const other = await nodeOf({}, addressesOf(good))
    const alice = await askerOf([...addressesOf(good), ...addressesOf(other)])
    await untilReceipt(alice, good)
    // Both sides hold the same, signed by both.
    const [given] = alice.ledger.book.all().filter(({ server }) => server.equals(good.host.peerId))
    expect(given).toMatchObject({ sequence: 1, beneficiary: owner.peerId.toString() })

    // For one answer there is one.
    const answered = alice.issued.find(({ server }) => server.equals(good.host.peerId))
    if (answered === undefined) throw new Error('unreachable')
    expect(await alice.ledger.issue(answered)).toBeUndefined()

    // A friend of hers learns of it from the node itself, though she may be gone.
    const bob = await askerOf([...addressesOf(good), ...addressesOf(other)], [alice.id])
    await bob.client.peers()
    expect(bob.ledger.trust.standing(good.host.peerId.toString())).toBeUndefined()
    await bob.ledger.gather()
    await vi.waitFor(
      () => expect(bob.ledger.trust.standing(good.host.peerId.toString())).toBeGreaterThan(0.5),
      { timeout: 5_000 },
    )

    // Of one whom she does not know nothing is believed.
    const carol = await askerOf([...addressesOf(good), ...addressesOf(other)])
    await carol.client.peers()
    await carol.ledger.gather()
    expect(carol.ledger.book.size).toBe(0)

    // A node that trusts her credits the work to whom the good node named.
    const host = await createHost({ dht: 'server', listen: LOOPBACK, bootstrap: addressesOf(good) })
    track(host)
    const elsewhere = new Ledger({
      ...{ host, friends: [alice.id] },
      peers: () => [good.host.peerId],
    })
    await elsewhere.start()
    onTestFinished(() => elsewhere[Symbol.asyncDispose]())
    await host.connect(String(good.host.addresses()[0]))
    await elsewhere.gather()
    await vi.waitFor(
      () => expect(elsewhere.trust.given(owner.peerId.toString())).toBeGreaterThan(0),
      { timeout: 5_000 },
    )
    expect(elsewhere.trust.given(alice.id)).toBe(0)
  })

  it('survive a restart, and a client that lost its own goes on where the node says', async () => {
    const dataDir = await createDataDir()
    const good = await nodeOf()
    const other = await nodeOf({}, addressesOf(good))
    const bootstrap = [...addressesOf(good), ...addressesOf(other)]
    const first = await askerOf(bootstrap, [], dataDir)
    await untilReceipt(first, good)
    await first.client.close()
    const { size } = first.ledger.book
    const again = await askerOf(bootstrap, [], dataDir)
    expect(again.id).toBe(first.id)
    expect(again.ledger.book.size).toBe(size)
    expect(size).toBeGreaterThan(0)
  })

  it('are refused for what was not answered, for another’s answer, and a second time', async () => {
    const node = await nodeOf()
    const host = await createHost({ dht: 'client', bootstrap: addressesOf(node) })
    track(host)
    await host.connect(addressesOf(node)[0] ?? '')
    const ask = async (request: ReceiptRequest) => {
      const stream = await host.libp2p.dialProtocol(node.host.peerId, PROTOCOLS.receipt)
      const writer = new FrameWriter(stream)
      await writer.write(encodeReceiptRequest(request))
      await writer.close()
      for await (const frame of readFrames(stream, { maxFrames: 1, maxTotalBytes: 1 << 20 })) {
        return decodeReceiptResponse(frame)
      }
      throw new Error('no answer')
    }
    const peers = () => [node.host.peerId]
    const ledger = new Ledger({ host, peers })
    await ledger.start()
    onTestFinished(() => ledger[Symbol.asyncDispose]())
    // An answer that never was.
    const now = Date.now()
    const issued = await ledger.issue({
      attemptId: new Uint8Array(16),
      server: node.host.peerId,
      specHash: specHashOf({ ...MODEL, templateHash: '' }),
      ...{ inputTokens: 1, outputTokens: 1_000_000 },
      answerHash: new Uint8Array(32),
      ...{ startedAtMs: now - 1_000, endedAtMs: now },
    })
    expect(issued).toBeUndefined()
    const garbage = {
      attemptId: new Uint8Array(16),
      salt: new Uint8Array(),
      draft: new Uint8Array(9),
    }
    expect(await ask({ type: 'countersign', ...garbage, previous: new Uint8Array() })).toEqual({
      type: 'refused',
      code: 'invalid_request',
    })
    expect(await ask({ type: 'fetch', max: 100 })).toEqual({ type: 'known', known: [] })
  })
})
