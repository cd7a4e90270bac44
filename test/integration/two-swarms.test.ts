import { AbstractMessageStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { type Client, createSwarmsClient } from '../../client/index.ts'
import { createGateway, type Gateway } from '../../gateway/index.ts'
import type { Host } from '../../host/index.ts'
import { createNode, type Node } from '../../node/index.ts'
import { addressesOf, createDataDir, LOOPBACK, track } from './host-peers.ts'
import { inviteTo, joinWith, newSwarm } from './member-peers.ts'

// Two swarms of whole peers beside other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** A swarm of one node, and a machine that joined it as a client. */
interface Swarm {
  readonly name: string
  readonly model: string
  readonly node: Node
  readonly membership: string
}

async function startSwarm(name: string, model: string): Promise<Swarm> {
  const office = await newSwarm(name)
  const backend = createScriptedBackend({
    models: [
      { id: model, capabilities: ['chat', 'token_ids'] },
      { id: 'shared', capabilities: ['chat'] },
    ],
    script: () => ({ answer: `from ${name}` }),
  })
  onTestFinished(() => backend[Symbol.asyncDispose]())
  const host = { listen: LOOPBACK, membership: office, dataDir: await createDataDir() }
  const node = track(await createNode({ backend, host }))
  const invite = await inviteTo(office, node.host, { name: 'gateway', role: 'client' })
  return { name, model, node, membership: await joinWith(invite) }
}

let work: Swarm
let home: Swarm
let client: Client
let gateway: Gateway

beforeEach(async () => {
  ;[work, home] = await Promise.all([startSwarm('acme', 'llama-w'), startSwarm('attic', 'qwen-h')])
  const swarms = await Promise.all(
    [work, home].map(async ({ name, membership }) => ({
      ...{ name, membership, listen: LOOPBACK, dataDir: await createDataDir() },
    })),
  )
  client = track(
    await createSwarmsClient({
      swarms: swarms as never,
      receipts: true,
      aliases: { best: 'acme/absent,attic/qwen-h' },
    }),
  )
  gateway = createGateway(client)
})

async function ask(model: string, content: string): Promise<Response> {
  return await gateway.fetch('http://skein.local/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
  })
}

/** Everything that streams of each swarm's peers were given to send, before encryption. */
function listen(): { of(swarm: Swarm): Buffer } {
  const sent = new Map<AbstractMessageStream, Buffer[]>()
  const original = AbstractMessageStream.prototype.send
  const spy = vi.spyOn(AbstractMessageStream.prototype, 'send').mockImplementation(function (
    this: AbstractMessageStream,
    data,
  ) {
    const bytes = Buffer.from(data.subarray())
    sent.set(this, [...(sent.get(this) ?? []), bytes])
    note(this)
    return original.call(this, data)
  })
  onTestFinished(() => spy.mockRestore())
  const ofStream = new Map<AbstractMessageStream, Host>()
  const hosts = (): Host[] => [
    work.node.host,
    home.node.host,
    ...(client?.swarms.map(({ host }) => host) ?? []),
  ]
  const note = (stream: AbstractMessageStream): void => {
    if (ofStream.has(stream)) return
    const host = hosts().find(({ libp2p }) =>
      libp2p.getConnections().some(({ streams }) => streams.includes(stream as never)),
    )
    if (host !== undefined) ofStream.set(stream, host)
  }
  return {
    of({ name, node }) {
      const own = [node.host, client.swarms.find((swarm) => swarm.name === name)?.host]
      const streams = [...ofStream].filter(([, host]) => own.includes(host))
      return Buffer.concat(streams.flatMap(([stream]) => sent.get(stream) ?? []))
    },
  }
}

/** What only the members of a swarm know, as text and as bytes. */
function secretsOf({ name, model, node }: Swarm): Record<string, Buffer> {
  const own = client.swarms.find((swarm) => swarm.name === name)?.host
  const hosts = own === undefined ? [node.host] : [node.host, own]
  const named = (text: string): Buffer => Buffer.from(text)
  return {
    model: named(model),
    swarm: named(name),
    prompt: named(`secret of ${name}`),
    ...Object.fromEntries(
      hosts.flatMap(({ peerId }, at) => [
        [`peer id ${at}`, named(peerId.toString())],
        [`peer id ${at} as bytes`, Buffer.from(peerId.publicKey?.raw ?? [])],
      ]),
    ),
    ...Object.fromEntries(
      hosts.flatMap((host) =>
        addressesOf(host).map((address) => [
          address,
          Buffer.from(multiaddr(address.replace(/\/p2p\/.*/, '')).bytes),
        ]),
      ),
    ),
  }
}

describe('one gateway in two swarms', () => {
  it('asks each for its models, and neither wire carries what is the other’s', async () => {
    const wires = listen()
    const listed = await gateway.fetch('http://skein.local/v1/models')
    const { data } = (await listed.json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual([
      'acme/llama-w',
      'acme/shared',
      'attic/qwen-h',
      'attic/shared',
      'best',
    ])
    for (const { name, model } of [work, home]) {
      const answer = await ask(`${name}/${model}`, `secret of ${name}`)
      expect(answer.headers.get('x-skein-swarm')).toBe(name)
      expect(await answer.json()).toMatchObject({
        model: `${name}/${model}`,
        choices: [{ message: { content: `from ${name}` } }],
      })
    }
    // A plain name, and a chain that goes on in the other swarm.
    expect((await ask('qwen-h', 'secret of attic')).headers.get('x-skein-swarm')).toBe('attic')
    expect((await ask('best', 'hello')).headers.get('x-skein-swarm')).toBe('attic')

    for (const [own, other] of [
      [work, home],
      [home, work],
    ] as const) {
      const wire = wires.of(own)
      const seen = Object.entries(secretsOf(other)).filter(([, secret]) => wire.includes(secret))
      expect(seen.map(([what]) => what)).toEqual([])
      const heard = Object.entries(secretsOf(own)).filter(([, secret]) => wire.includes(secret))
      // The control: its own are found.
      expect(heard.map(([what]) => what)).toEqual(
        expect.arrayContaining(['model', 'prompt', 'peer id 0 as bytes', 'peer id 1 as bytes']),
      )
      expect(own.node.host.libp2p.getPeers().map(String)).toEqual([
        client.swarms.find(({ name }) => name === own.name)?.host.peerId.toString(),
      ])
    }
  })
})
