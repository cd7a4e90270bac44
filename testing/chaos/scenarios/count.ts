import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessNetwork } from '../../faults/chaos-network.ts'
import { type NodeCommand, startNodeCommand } from '../../swarms/chaos-command.ts'
import { knows, startClient } from '../../swarms/chaos-swarm.ts'
import { counting, type Tally, Watch } from '../watch.ts'

/** How the serving process is taken away: it dies, falls silent, or its network cable is pulled. */
export type Loss = 'SIGKILL' | 'SIGSTOP' | 'network cut'

export interface CountSize {
  readonly nodes: number
  readonly last: number
  /** The serving process is lost each time the caller has seen so many numbers more. */
  readonly every: number
  /** In turn. */
  readonly losses: readonly Loss[]
  /** Answers counted, one after the other, each over nodes of its own. @default 1 */
  readonly times?: number
}

/** Fifteen numbers a second or so: a loss lands in mid-count. */
const TOKENS_PER_SECOND = 60

interface Part {
  readonly node: NodeCommand
  lose(loss: Loss): void
}

/** "Count from 1 to N." over real nodes with a real engine, of which the serving one is lost again and again. */
export async function count(size: CountSize): Promise<Tally & { readonly losses: number }> {
  const watch = new Watch()
  let losses = 0
  for (let time = 0; time < (size.times ?? 1); time += 1) losses += await countOnce(size, watch)
  return { ...watch.tally(), losses }
}

async function countOnce(size: CountSize, watch: Watch): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'skein-count-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  const starting = Array.from({ length: size.nodes }, (_, index) =>
    startPart(join(folder, String(index)), size.losses.includes('network cut'), stack),
  )
  // All of them, so that none starts after the others were disposed of.
  const results = await Promise.allSettled(starting)
  const parts = results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
  const bootstrap = parts.flatMap(({ node }) => node.addresses)
  const client = stack.use(await startClient({ bootstrap }))
  await knows(client, () => parts.map(({ node }) => node))
  const question = counting(1, size.last)
  const messages = [{ role: 'user', content: question.prompt }]
  const request = { model: 'skein-tiny', messages, temperature: 0, max_tokens: 700 }
  let losses = 0
  await watch.read(client.requester.streamChat(request), question, (text, peerId) => {
    const seen = text.match(/\d+(?=,)/g)?.length ?? 0
    if (seen < (losses + 1) * size.every || losses >= size.nodes - 1) return
    const loss = size.losses[losses % size.losses.length]
    losses += 1
    watch.lost(peerId)
    if (loss !== undefined) parts.find(({ node }) => node.peerId === peerId)?.lose(loss)
  })
  return losses
}

async function startPart(
  home: string,
  ownNetwork: boolean,
  stack: AsyncDisposableStack,
): Promise<Part> {
  const common = { home, maxTokensPerSecond: TOKENS_PER_SECOND }
  const network = ownNetwork ? stack.use(createProcessNetwork()) : undefined
  const where = network === undefined ? {} : { prefix: network.prefix, ip: network.ip }
  const node = stack.use(await startNodeCommand({ ...common, ...where }))
  return {
    node,
    lose: (loss) => (loss === 'network cut' ? network?.cut() : node.signal(loss)),
  }
}
