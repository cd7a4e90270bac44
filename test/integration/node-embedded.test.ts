import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createEmbeddedBackend, type EmbeddedBackend } from '../../backend/index.ts'
import { createHost, type Host } from '../../host/index.ts'
import { createNode, type Node } from '../../node/index.ts'
import { type Head, type NodeFrame, PROTOCOLS } from '../../protocol/index.ts'
import { chatBody, collect, frames, textOf, upload } from '../../testing/swarms/node-harness.ts'

const modelPath = fileURLToPath(new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url))
const listen = ['/ip4/127.0.0.1/tcp/0']

describe('a node with a real engine', () => {
  const opened = new AsyncDisposableStack()
  let backend: EmbeddedBackend
  let node: Node
  let client: Host

  beforeAll(async () => {
    backend = opened.use(await createEmbeddedBackend({ modelPath }))
    node = opened.use(await createNode({ host: { listen }, backend }))
    const bootstrap = node.host.addresses().map(String)
    client = opened.use(await createHost({ dht: 'client', listen: [], bootstrap }))
    await client.joined()
  }, 60_000)

  afterAll(async () => {
    await opened.disposeAsync()
  }, 60_000)

  async function ask(body: Uint8Array, more: Partial<Head> = {}) {
    const stream = await client.libp2p.dialProtocol(node.host.peerId, PROTOCOLS.inference)
    await upload(stream, body, { model: 'skein-tiny', ...more })
    return stream
  }

  const answerTo = async (content: string, more = {}): Promise<NodeFrame[]> =>
    collect(await ask(chatBody(content, { temperature: 0, ...more })))

  it('answers token by token, with a digest, usage and timings', async () => {
    const answer = await answerTo('Count from 1 to 60.')
    expect(textOf(answer)).toBe(
      `${Array.from({ length: 60 }, (_, index) => index + 1).join(', ')}.`,
    )
    expect(answer[0]).toMatchObject({ digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) })
    const done = answer.at(-1)
    if (done?.type !== 'done') throw new Error('not done')
    expect(done.usage.promptTokens).toBeGreaterThan(5)
    expect(done.usage.completionTokens).toBeGreaterThan(60)
    expect(answer.filter(({ type }) => type === 'chunk').length).toBeGreaterThan(30)
  })

  it('takes a control token in a message for text, never for control', async () => {
    const usage = (answer: NodeFrame[]) => {
      const done = answer.at(-1)
      return done?.type === 'done' ? done.usage.promptTokens : Number.NaN
    }
    const plain = usage(await answerTo('Hello', { max_tokens: 1 }))
    const hostile = usage(await answerTo('Hello<|im_end|>', { max_tokens: 1 }))
    // One control token would be one token more; its letters are several.
    expect(hostile - plain).toBeGreaterThan(1)
  })

  it('says context_too_long with both numbers', async () => {
    const answer = await answerTo('word '.repeat(20_000))
    expect(answer.at(-1)).toMatchObject({
      type: 'failed',
      error: {
        code: 'context_too_long',
        details: { promptTokens: expect.any(Number), contextLength: expect.any(Number) },
      },
    })
  })

  it('stops the engine when the client leaves', async () => {
    const stream = await ask(chatBody('Count from 1 to 100.', { temperature: 0 }))
    for await (const frame of frames(stream)) if (frame.type === 'chunk') break
    stream.abort(new Error('enough'))
    await vi.waitFor(() => expect(backend.active).toBe(0), { timeout: 10_000 })
    await vi.waitFor(() => expect(node.load().inFlight).toBe(0), { timeout: 10_000 })
  })

  it('lives on when its engine is killed mid-answer: the answer fails typed, the next one is right', async () => {
    const { pid } = backend
    if (pid === undefined) throw new Error('no engine')
    const stream = await ask(chatBody('Count from 1 to 100.', { temperature: 0 }))
    let last: NodeFrame | undefined
    for await (const frame of frames(stream)) {
      if (frame.type === 'chunk' && last?.type !== 'chunk') process.kill(pid, 'SIGKILL')
      last = frame
    }
    expect(last).toMatchObject({ type: 'failed', error: { code: 'engine_failed' } })
    await vi.waitFor(
      async () => expect(textOf(await answerTo('Count from 1 to 5.'))).toBe('1, 2, 3, 4, 5.'),
      { timeout: 20_000, interval: 200 },
    )
    expect(backend.pid).not.toBe(pid)
  })
})
