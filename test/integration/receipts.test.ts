import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { type Client, createClientOver } from '../../client/index.ts'
import { createHost, type Host } from '../../host/index.ts'
import { Ledger, type Received } from '../../ledger/index.ts'
import { createNode, type Node, type NodeInit } from '../../node/index.ts'
import {
  decodeReceiptResponse,
  encodeReceiptRequest,
  FrameWriter,
  PROTOCOLS,
  type ReceiptRequest,
  readFrames,
} from '../../protocol/index.ts'
import { LOOPBACK, startHost, track, untilBook } from './host-peers.ts'

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

interface Reader {
  readonly host: Host
  readonly ledger: Ledger
}

/** One with a ledger, who knows of the nodes. */
async function readerOf(nodes: readonly Node[], friends: readonly string[] = []): Promise<Reader> {
  const host = await startHost({ dht: 'client', bootstrap: nodes.flatMap(addressesOf) })
  await untilBook(host, ({ book }) => nodes.every(({ host: { peerId } }) => book.get(peerId)))
  const ledger = track(
    new Ledger({ host, friends, peers: () => nodes.map((node) => node.host.peerId) }),
  )
  await ledger.start()
  return { host, ledger }
}

interface Asker extends Reader {
  readonly client: Client
  /** Answers that a receipt was asked for. */
  readonly issued: readonly Received[]
}

async function askerOf(nodes: readonly Node[]): Promise<Asker> {
  const { host, ledger } = await readerOf(nodes)
  const issued: Received[] = []
  const giving = ledger.issue.bind(ledger)
  ledger.issue = (answer) => {
    issued.push(answer)
    return giving(answer)
  }
  const init = { ledger, receipts: true, policy: 'single', verify: 'always' } as const
  return { host, ledger, issued, client: track(createClientOver(host, init)) }
}

/** Asks until it has given this node a receipt. */
async function untilReceipt({ client, ledger }: Asker, node: Node): Promise<void> {
  await vi.waitFor(
    async () => {
      await Promise.all(Array.from({ length: 6 }, () => client.chat(QUESTION)))
      const servers = ledger.book.all().map(({ server }) => server.toString())
      expect(servers).toContain(node.host.peerId.toString())
    },
    { timeout: 40_000, interval: 200 },
  )
}

describe('receipts between real peers', () => {
  it('let a friend know a good node, and its owner be served before strangers', async () => {
    const owner = await createHost({ dht: 'client' })
    track(owner)
    const good = await nodeOf({ creditTo: owner.peerId.toString() })
    const other = await nodeOf({}, addressesOf(good))
    const alice = await askerOf([good, other])
    await untilReceipt(alice, good)
    // Both sides hold the same, signed by both.
    const [given] = alice.ledger.book.all().filter(({ server }) => server.equals(good.host.peerId))
    expect(given).toMatchObject({ sequence: 1, beneficiary: owner.peerId.toString() })

    // For one answer there is one.
    const answered = alice.issued.find(({ server }) => server.equals(good.host.peerId))
    if (answered === undefined) throw new Error('unreachable')
    expect(await alice.ledger.issue(answered)).toBeUndefined()

    // A friend of hers learns of it from the node itself, though she may be gone.
    const aliceId = alice.host.peerId.toString()
    const bob = await readerOf([good, other], [aliceId])
    expect(bob.ledger.trust.standing(good.host.peerId.toString())).toBeUndefined()
    await bob.ledger.gather()
    // What is worth is computed once a second.
    await vi.waitFor(
      () => expect(bob.ledger.trust.standing(good.host.peerId.toString())).toBeGreaterThan(0.5),
      { timeout: 5_000 },
    )

    // Of one whom she does not know nothing is believed.
    const carol = await readerOf([good, other])
    await carol.ledger.gather()
    expect(carol.ledger.book.size).toBe(0)

    // A node that trusts her credits the work to whom the good node named.
    const { ledger: elsewhere } = await readerOf([good], [aliceId])
    await elsewhere.gather()
    await vi.waitFor(
      () => expect(elsewhere.trust.given(owner.peerId.toString())).toBeGreaterThan(0),
      { timeout: 5_000 },
    )
    expect(elsewhere.trust.given(aliceId)).toBe(0)
  })

  it('are for those only whom the node serves', async () => {
    const [admitted, denied] = [await startHost(), await startHost()]
    const node = await nodeOf({ deny: [denied.peerId.toString()] })
    const ask = async (host: Host, request: ReceiptRequest) => {
      await host.connect(addressesOf(node)[0] ?? '')
      const stream = await host.libp2p.dialProtocol(node.host.peerId, PROTOCOLS.receipt)
      const writer = new FrameWriter(stream)
      await writer.write(encodeReceiptRequest(request))
      await writer.close()
      for await (const frame of readFrames(stream, { maxFrames: 1, maxTotalBytes: 1 << 20 })) {
        return decodeReceiptResponse(frame)
      }
      throw new Error('no answer')
    }
    const fetch = { type: 'fetch', max: 100 } as const
    const nothing = new Uint8Array()
    const draft: ReceiptRequest = {
      type: 'countersign',
      ...{ attemptId: new Uint8Array(16), salt: nothing },
      ...{ draft: new Uint8Array(9), previous: nothing },
    }
    expect(await ask(admitted, fetch)).toEqual({ type: 'known', known: [] })
    expect(await ask(admitted, draft)).toEqual({ type: 'refused', code: 'invalid_request' })
    await expect(ask(denied, fetch)).rejects.toThrow()
    await expect(ask(denied, draft)).rejects.toThrow()
  })
})
