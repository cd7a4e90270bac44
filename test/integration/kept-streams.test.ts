import { afterEach, describe, expect, it } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { createClient } from '../../client/index.ts'
import { createNode, type Node } from '../../node/index.ts'
import { PROTOCOLS } from '../../protocol/index.ts'
import { ProcessSwarm } from '../../testing/swarms/chaos-swarm.ts'

const listen = ['/ip4/127.0.0.1/tcp/0']
const counting = {
  model: 'scripted',
  messages: [{ role: 'user', content: 'Count from 1 to 5.' }],
} as const

let opened = new AsyncDisposableStack()
afterEach(async () => {
  await opened.disposeAsync()
  opened = new AsyncDisposableStack()
})

/** @returns protocols of the inference streams that stand between the node and its clients */
function streamsOf(node: Node): string[] {
  return node.host.libp2p
    .getConnections()
    .flatMap(({ streams }) => streams.map(({ protocol }) => protocol))
    .filter((protocol) => protocol.startsWith('/skein/inference/'))
}

async function swarm() {
  const backend = createScriptedBackend()
  const node = opened.use(await createNode({ host: { listen }, backend }))
  const bootstrap = node.host.addresses().map(String)
  const client = opened.use(await createClient({ bootstrap, canaries: 'off' }))
  const ask = async (): Promise<string | null | undefined> =>
    (await client.chat(counting)).choices[0]?.message.content
  return { node, client, ask }
}

describe('over real hosts', () => {
  it('answers follow one another on one stream, which ends with the client', async () => {
    const { node, client, ask } = await swarm()
    for (let n = 0; n < 5; n += 1) expect(await ask()).toBe('1, 2, 3, 4, 5.')
    expect(streamsOf(node)).toEqual([PROTOCOLS.keptInference])
    await client.close()
    await expect.poll(() => streamsOf(node)).toEqual([])
  })

  it('a client asks a node that was set back to the version before in its way', async () => {
    const { node, ask } = await swarm()
    await node.host.libp2p.unhandle(PROTOCOLS.keptInference)
    for (let n = 0; n < 3; n += 1) expect(await ask()).toBe('1, 2, 3, 4, 5.')
    expect(streamsOf(node)).not.toContain(PROTOCOLS.keptInference)
  })

  it('a node that drains ends its idle streams, and stops at once', async () => {
    const { node, ask } = await swarm()
    await ask()
    // Without the end of idle streams it would wait for minutes, beyond the time of a test.
    await node.drain()
    expect(node.state()).toBe('draining')
  })
})

describe('a node process killed in the middle of an answer', () => {
  it.each([1, 2])('after %i others on the stream loses no token', async (before) => {
    const processes = opened.use(await ProcessSwarm.create())
    for (let n = 0; n < 2; n += 1) {
      await processes.node({ engine: { model: 'counter', slots: 4, paceMs: 5 } })
    }
    const client = await processes.client()
    const request = { ...counting, model: 'counter', stream: true } as const
    const read = async (onText: (peer: string) => void): Promise<string> => {
      let text = ''
      let peer = ''
      for await (const { choices, skein } of client.requester.streamChat(request)) {
        text += choices[0]?.delta.content ?? ''
        peer = skein?.peerId ?? peer
        if (text.length > 3) onText(peer)
      }
      return text
    }
    const whole = await read(() => {})
    for (let n = 1; n < before; n += 1) expect(await read(() => {})).toBe(whole)
    let killed = false
    const answer = await read((peer) => {
      const node = processes.nodes.find(({ peerId }) => peerId === peer)
      if (!killed) void node?.kill()
      killed ||= node !== undefined
    })
    expect(killed).toBe(true)
    expect(answer).toBe(whole)
  })
})
