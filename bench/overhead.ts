import { setTimeout as wait } from 'node:timers/promises'
import {
  type Backend,
  createEmbeddedBackend,
  createOpenAiBackend,
  createScriptedBackend,
} from '../backend/index.ts'
import { type Client, createClient } from '../client/index.ts'
import { parseRequest } from '../protocol/index.ts'
import { BUNDLED_MODEL } from './bundled-model.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'

interface Timing {
  /** Request to first visible piece. */
  readonly ttftMs: number
  /** Mean time between pieces after the first. */
  readonly perTokenMs: number
}

interface Comparison {
  readonly what: string
  readonly direct: readonly Timing[]
  readonly through: readonly Timing[]
}

const MAX_TOKENS = 64
/** Warm-up: a peer serves for days, so compiled code is measured. */
const WARM_UP = 300
/** Pause in which every process finishes the previous request. */
const PAUSE_MS = 5
const chat = {
  messages: [{ role: 'user', content: 'Count from 1 to 40.' }],
  max_tokens: MAX_TOKENS,
  temperature: 0,
} as const

/** Latency that client → node → engine adds to calling the same engine directly; both alternate in one run. */
export async function overhead(quick: boolean): Promise<Report> {
  const comparisons = [
    await overHttp(quick ? 30 : 300),
    await overEmbedded(quick ? 10 : 60),
    await overScripted(quick ? 30 : 300),
  ]
  const rows = comparisons.map(({ what, direct, through }) => {
    const ttft = (of: readonly Timing[], p: number) =>
      percentile(
        of.map((t) => t.ttftMs),
        p,
      )
    const token = (of: readonly Timing[]) =>
      percentile(
        of.map((t) => t.perTokenMs),
        0.5,
      )
    return {
      engine: what,
      'direct TTFT p50 ms': round(ttft(direct, 0.5)),
      'through Skein p50 ms': round(ttft(through, 0.5)),
      'added p50 ms': round(ttft(through, 0.5) - ttft(direct, 0.5)),
      'added p99 ms': round(ttft(through, 0.99) - ttft(direct, 0.99)),
      'direct ms/token': round(token(direct)),
      'added ms/token': round(token(through) - token(direct)),
      'TTFT ratio': round(ttft(through, 0.5) / ttft(direct, 0.5)),
    }
  })
  return {
    title: 'client → node → engine against the same engine called directly, warm connection',
    rows,
    notes: [
      'Client, node and engine are separate processes on one machine, with five idle milliseconds before each request.',
      'A round trip between processes dominates, which wakes a sleeping process each way, and encryption in JavaScript. The engine without cost shows them alone.',
    ],
  }
}

/** Over HTTP: the engine is a process that speaks OpenAI's wire format and answers without computing. */
async function overHttp(count: number): Promise<Comparison> {
  await using engine = await startPeer({ kind: 'engine' })
  const url = engine.addresses[0] ?? ''
  await using node = await startPeer({ kind: 'node', engine: { url } })
  await using client = await createClient({ bootstrap: node.addresses })
  await using backend = createOpenAiBackend({ baseUrl: url })
  return await compare('HTTP, OpenAI-compatible', 'scripted', backend, client, count)
}

/** In a child process: the bundled model in llama.cpp, on both sides. */
async function overEmbedded(count: number): Promise<Comparison> {
  await using node = await startPeer({ kind: 'node', engine: 'embedded' })
  await using client = await createClient({ bootstrap: node.addresses })
  await using backend = await createEmbeddedBackend({ modelPath: BUNDLED_MODEL, threads: 1 })
  return await compare('embedded llama.cpp, skein-tiny', 'skein-tiny', backend, client, count)
}

/** In-process: an engine without cost, so that only Skein is measured. */
async function overScripted(count: number): Promise<Comparison> {
  await using node = await startPeer({ kind: 'node', engine: 'scripted' })
  await using client = await createClient({ bootstrap: node.addresses })
  await using backend = createScriptedBackend()
  return await compare('none (scripted, in-process)', 'scripted', backend, client, count)
}

async function compare(
  what: string,
  model: string,
  backend: Backend,
  client: Client,
  count: number,
): Promise<Comparison> {
  const direct: Timing[] = []
  const through: Timing[] = []
  const request = parseRequest('chat', { ...chat, model })
  for (let run = -WARM_UP; run < count; run++) {
    await wait(PAUSE_MS)
    const one = await timeOf(piecesOf(backend, request))
    await wait(PAUSE_MS)
    const other = await timeOf(client.chat({ ...chat, model, stream: true }))
    if (run < 0) continue
    direct.push(one)
    through.push(other)
  }
  return { what, direct, through }
}

async function* piecesOf(
  backend: Backend,
  request: ReturnType<typeof parseRequest>,
): AsyncGenerator<unknown> {
  for await (const event of backend.infer(request)) if (event.type === 'chunk') yield event.json
}

async function timeOf(pieces: AsyncIterable<unknown>): Promise<Timing> {
  const begin = performance.now()
  let first: number | undefined
  let last = begin
  let count = 0
  for await (const piece of pieces) {
    if (!hasContent(piece)) continue
    last = performance.now()
    first ??= last
    count += 1
  }
  if (first === undefined || count < 2) throw new Error('no answer')
  return { ttftMs: first - begin, perTokenMs: (last - first) / (count - 1) }
}

function hasContent(piece: unknown): boolean {
  const { choices } = piece as { choices: readonly { delta: { content?: string | null } }[] }
  return (choices[0]?.delta.content ?? '') !== ''
}
