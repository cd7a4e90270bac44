import type { ChatMessage } from '../protocol/index.ts'
import { Random } from '../testing/index.ts'
import { knows, type SwarmClient, startClient } from '../testing/swarms/chaos-swarm.ts'
import { type PeerProcess, startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'

const NODES = 3
/** Concurrent conversations, one turn each in rotation. One engine can hold all of them. */
const CONVERSATIONS = 4
const TURNS = 5
/** A turn adds some thirty tokens; with all of them the prompt comes near the 768 that the model holds. */
const SYSTEM_SENTENCES = 28
const ANSWER_TOKENS = 12
const ROUTINGS = ['affinity', 'cost alone', 'random'] as const
type Routing = (typeof ROUTINGS)[number]

interface Turn {
  readonly turn: number
  readonly ttftMs: number
  readonly promptTokens: number
  readonly cachedTokens: number
}

/** TTFT of conversations with long prompts, by routing of their turns. */
export async function affinity(quick: boolean): Promise<Report> {
  await using stack = new AsyncDisposableStack()
  const nodes: PeerProcess[] = []
  // Without a bootstrap peer, so that a client given one node's address finds no other.
  while (nodes.length < NODES) {
    nodes.push(stack.use(await startPeer({ kind: 'node', engine: 'embedded' })))
  }
  const join = async (known: readonly PeerProcess[], affine: boolean): Promise<SwarmClient> => {
    const bootstrap = known.flatMap(({ addresses }) => addresses)
    const client = stack.use(await startClient({ bootstrap, policy: 'single', affinity: affine }))
    await knows(client, () => known.flatMap(({ peerIds }) => peerIds.map((peerId) => ({ peerId }))))
    return client
  }
  const affine = await join(nodes, true)
  const byCost = await join(nodes, false)
  const single = await Promise.all(nodes.map((node) => join([node], false)))
  const random = new Random(1).next
  const clientFor = (routing: Routing): SwarmClient => {
    if (routing === 'affinity') return affine
    if (routing === 'cost alone') return byCost
    return single[Math.floor(random() * single.length)] ?? affine
  }
  const turns: Record<Routing, Turn[]> = { affinity: [], 'cost alone': [], random: [] }
  const rounds = quick ? 2 : 20
  for (let index = -1; index < rounds; index++) {
    for (const routing of ROUTINGS) {
      const taken = await converse(`${routing} ${index}`, () => clientFor(routing))
      if (index >= 0) turns[routing].push(...taken)
    }
  }
  const base = percentile(laterTtfts(turns.random), 0.5)
  const rows = ROUTINGS.map((routing) => {
    const later = turns[routing].filter(({ turn }) => turn > 0)
    const first = turns[routing].filter(({ turn }) => turn === 0)
    const times = laterTtfts(turns[routing])
    return {
      routing,
      turns: later.length,
      'prompt tokens p50': percentile(
        later.map(({ promptTokens }) => promptTokens),
        0.5,
      ),
      'first turn TTFT p50 ms': round(
        percentile(
          first.map(({ ttftMs }) => ttftMs),
          0.5,
        ),
      ),
      'later TTFT p50 ms': round(percentile(times, 0.5)),
      'p99 ms': round(percentile(times, 0.99)),
      'p50 ratio': round(percentile(times, 0.5) / base),
      'reused prompt tokens %': round(
        (100 * sum(later, ({ cachedTokens }) => cachedTokens)) /
          sum(later, ({ promptTokens }) => promptTokens),
      ),
    }
  })
  return {
    title: `${CONVERSATIONS} interleaved conversations of ${TURNS} turns over ${NODES} nodes, embedded skein-tiny`,
    rows,
    notes: [
      'The three routings alternate, each with its own conversations; one request at a time. Engines keep the prefixes of clients separate.',
      'Cost alone: power of two choices by predicted cost, without regard to conversations. Random: each turn at a random node.',
      'Prefill dominates. The model is tiny, so the gain is milliseconds; with a useful model it is seconds.',
    ],
  }
}

async function converse(name: string, clientOf: () => SwarmClient): Promise<readonly Turn[]> {
  const conversations = Array.from({ length: CONVERSATIONS }, (_, index): ChatMessage[] => [
    { role: 'system', content: systemPrompt(`${name} ${index}`) },
  ])
  const turns: Turn[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    for (const messages of conversations) {
      messages.push({ role: 'user', content: `Count from ${turn + 1} to ${turn + 9}.` })
      const { text, ...measured } = await ask(clientOf(), messages)
      messages.push({ role: 'assistant', content: text })
      turns.push({ turn, ...measured })
    }
  }
  return turns
}

async function ask(
  { requester }: SwarmClient,
  messages: readonly ChatMessage[],
): Promise<Omit<Turn, 'turn'> & { readonly text: string }> {
  const begin = performance.now()
  const answer = requester.streamChat({
    model: 'skein-tiny',
    messages,
    max_tokens: ANSWER_TOKENS,
    temperature: 0,
  })
  let first: number | undefined
  let text = ''
  for await (const { choices } of answer) {
    const piece = choices[0]?.delta.content ?? ''
    if (piece !== '') first ??= performance.now()
    text += piece
  }
  const { usage } = answer
  if (first === undefined || usage === undefined) throw new Error('no answer')
  return {
    text,
    ttftMs: first - begin,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
  }
}

/** Different from its first words on, so that no two conversations share a prefix. */
function systemPrompt(name: string): string {
  const sentences = Array.from(
    { length: SYSTEM_SENTENCES },
    (_, index) => `Rule ${index + 1}: the goose counts from one number to the next one.`,
  )
  return [`This is ${name}.`, ...sentences].join(' ')
}

function laterTtfts(turns: readonly Turn[]): number[] {
  return turns.filter(({ turn }) => turn > 0).map(({ ttftMs }) => ttftMs)
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
