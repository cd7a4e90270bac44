import { afterEach, describe, it } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { createClient } from '../../client/index.ts'
import { createNode } from '../../node/index.ts'
import { startGatedPath } from '../../testing/faults/gated-path.ts'

const counting = {
  model: 'scripted',
  messages: [{ role: 'user', content: 'Count from 1 to 5.' }],
  stream: true,
} as const

let opened = new AsyncDisposableStack()
afterEach(async () => {
  await opened.disposeAsync()
  opened = new AsyncDisposableStack()
})

/** A node behind a path that can be shut, and how many requests have reached its engine. */
async function scene() {
  let asked = 0
  let onAsked = (): void => {}
  const backend = createScriptedBackend({
    script: () => {
      asked += 1
      onAsked()
      return {}
    },
  })
  const host = { listen: ['/ip4/127.0.0.1/tcp/0'] }
  const node = opened.use(await createNode({ host, backend }))
  const [address = ''] = node.host.addresses().map(String)
  const port = address.split('/')[4] ?? ''
  const path = opened.use(await startGatedPath(Number(port)))
  const bootstrap = [address.replace(`/tcp/${port}/`, `/tcp/${path.port}/`)]
  const reached = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onAsked = () => {
        if (asked >= count) resolve()
      }
      onAsked()
    })
  const start = async () => opened.use(await createClient({ bootstrap, canaries: 'off' }))
  return { path, reached, start, asked: () => asked }
}

type Asking = Pick<Awaited<ReturnType<typeof createClient>>, 'chat'>

async function firstWord(client: Asking): Promise<void> {
  const answer = client.chat(counting)[Symbol.asyncIterator]()
  await answer.next()
  // The rest is read, so that the stream can be kept.
  while ((await answer.next()).done !== true);
}

describe('round trips before the first token', () => {
  it('one over a kept stream: the request needs no answer to leave, and its answer none to come', async () => {
    const { path, reached, start, asked } = await scene()
    const client = await start()
    await firstWord(client)
    path.back.hold()
    const answered = firstWord(client)
    await reached(asked() + 1)
    path.there.hold()
    path.back.open()
    await answered
  })

  it('one over a new stream of a connection that stands', async () => {
    const { path, reached, start, asked } = await scene()
    const client = await start()
    await firstWord(client)
    path.back.hold()
    // One of the three takes the kept stream.
    const answered = Promise.all([1, 2, 3].map(() => firstWord(client)))
    await reached(asked() + 3)
    path.there.hold()
    path.back.open()
    await answered
  })
})
