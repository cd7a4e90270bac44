import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Backend, createEmbeddedBackend } from '../backend/index.ts'
import { type Client, createClient } from '../client/index.ts'
import { marginOf } from '../client/trust/verify/scored-position.ts'
import { createNode } from '../node/index.ts'
import {
  dawdling,
  garbling,
  inflating,
  likeliest,
  replaying,
  twoFaced,
  underDigest,
} from '../testing/swarms/cheats.ts'
import { LiveSwarm } from '../testing/swarms/live-swarm.ts'
import { type Report, round } from './report.ts'

const HONEST = fixture('skein-tiny-f16.gguf')
const Q8 = fileURLToPath(new URL('../models/skein-tiny-q8_0.gguf', import.meta.url))
const EARLY = fixture('skein-tiny-early-f16.gguf')
/** Both sets of weights use this id, like two quantizations of a model. */
const ALIAS = 'tiny'
const NODES = 5
const AT_ONCE = 10
const FOUND_MS = 30_000
/** Answers of the last node that are rated for the columns on the right. */
const RATED_ANSWERS = 60
const ENGINE_TIMEOUT_MS = 60_000
/** In nats. The weights would not write a token that is less likely than the likeliest by this margin. */
const HARD_MARGIN = 2

type Cheat = (honest: Backend, digest: string) => Promise<Backend>

/** The requests and the nodes of a run. */
interface Trial {
  readonly requests: number
  /** @default the engine's own, 0.8 */
  readonly temperature?: number
  /** The weights that honest nodes serve. */
  readonly weights: string
  readonly cheat: Cheat | undefined
}

const early = async (digest: string): Promise<Backend> =>
  underDigest(await createEmbeddedBackend({ modelPath: EARLY, threads: 1 }), digest)

/** Behaviour of the fifth node. The others are honest and use one or two threads. */
const CHEATS: Readonly<Record<string, Cheat | undefined>> = {
  'no cheat': undefined,
  'early checkpoint': (_, digest) => early(digest),
  'early, slowly': async (_, digest) => dawdling(await early(digest), 20),
  'early for users only': async (honest, digest) =>
    twoFaced(honest, await early(digest), (prompt) => USERS.test(prompt)),
  'one token in 50': async (honest) => garbling(honest, 50),
  'canned answer': async (honest) => replaying(honest),
  'counts threefold': async (honest) => inflating(honest, 3),
  'q8_0 as f16': async (_, digest) =>
    underDigest(await createEmbeddedBackend({ modelPath: Q8, threads: 1 }), digest),
}

/** Behaviour of the fifth node when text is sampled. */
const SAMPLED_CHEATS: Readonly<Record<string, Cheat | undefined>> = {
  'no cheat': undefined,
  'early checkpoint': (_, digest) => early(digest),
  'early, likeliest tokens only': async (_, digest) => likeliest(await early(digest)),
  'one token in 50': async (honest) => garbling(honest, 50),
  'canned answer': async (honest) => replaying(honest),
  'likeliest tokens only': async (honest) => likeliest(honest),
}

const TITLE = `${NODES} nodes with the bundled model, of which one cheats; answers of a client with \`verify: sample\``
const NOTES = [
  `Answers until quarantine: answers the cheat gave until then, checked every ${AT_ONCE} requests. Wrong: the cheat’s answers in the whole run.`,
  'Rated: tokens read by other engines for each token answered. The first answers of every peer are all rated, so this share falls with the length of the run.',
]

/** Answers until a cheat is quarantined, false alarms, and what the audits cost, with real engines. */
export async function detection(quick: boolean): Promise<Report> {
  return {
    title: TITLE,
    rows: await rowsOf(CHEATS, quick, { temperature: 0 }),
    notes: [
      ...NOTES,
      'Misses, impossible, margin: of the last node’s tokens, as rated by an honest engine with one thread.',
      'The q8_0 under the f16’s digest is within the tolerance: its detection is not a goal.',
    ],
  }
}

/** The same at the engine's default temperature. */
export async function detectionSampled(quick: boolean): Promise<Report> {
  return {
    title: `${TITLE}, at the default temperature`,
    rows: await rowsOf(SAMPLED_CHEATS, quick, {}),
    notes: [
      ...NOTES,
      'A node that takes the likeliest tokens of the weights it names is not a cheat: only randomness is lost.',
    ],
  }
}

/** Honest nodes that serve quantized weights under their own digest. */
export async function detectionQuantized(quick: boolean, weights: string = Q8): Promise<Report> {
  const rows: Record<string, string | number>[] = []
  for (const temperature of [0, undefined]) {
    const requests = (quick ? 60 : 200) * NODES
    const heat = temperature === undefined ? {} : { temperature }
    const found = await run({ requests, weights, cheat: undefined, ...heat })
    rows.push({ weights: basename(weights), temperature: temperature ?? 'default', ...found })
  }
  return {
    title: `${NODES} honest nodes of one and two threads with quantized weights`,
    rows,
    notes: ['Weights: `--model FILE`.'],
  }
}

async function rowsOf(
  cheats: Readonly<Record<string, Cheat | undefined>>,
  quick: boolean,
  heat: Pick<Trial, 'temperature'>,
): Promise<Report['rows']> {
  const rows: Record<string, string | number>[] = []
  for (const [name, cheat] of Object.entries(cheats)) {
    const requests = (quick ? 60 : 200) * NODES
    rows.push({ cheat: name, ...(await run({ requests, weights: HONEST, cheat, ...heat })) })
  }
  return rows
}

async function run(trial: Trial): Promise<Record<string, string | number>> {
  const { cheat, requests, weights } = trial
  await using swarm = await LiveSwarm.create()
  await using parts = new AsyncDisposableStack()
  const peers: string[] = []
  let digest = ''
  const backends: Backend[] = []
  for (let n = 0; n < NODES; n += 1) {
    const honest = await createEmbeddedBackend({ modelPath: weights, threads: 1 + (n % 2) })
    parts.use(honest)
    digest = (await honest.models())[0]?.digest ?? ''
    const isCheat = n === NODES - 1 && cheat !== undefined
    const backend = named(isCheat ? await cheat(honest, digest) : honest)
    if (isCheat) parts.use(backend)
    backends.push(backend)
    const host = { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: swarm.addresses }
    const node = await createNode({ host, backend })
    parts.use(node)
    peers.push(node.host.peerId.toString())
  }
  const [judge, last] = [backends[0], backends.at(-1)]
  if (judge === undefined || last === undefined) throw new Error('no node')
  await using client = await createClient({ bootstrap: swarm.addresses, policy: 'single' })
  await found(client)
  const suspect = cheat === undefined ? '' : (peers.at(-1) ?? '')
  const seen: { cheats: number; until?: number; tokens: number } = { cheats: 0, tokens: 0 }
  client.observe(({ usage }) => {
    seen.tokens += usage?.completionTokens ?? 0
  })
  for (let n = 0; n < requests; n += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, requests - n) }, (_, at) => n + at)
    const answers = await Promise.all(some.map((one) => client.chat(asked(one, trial))))
    seen.cheats += answers.filter(({ skein }) => skein.peerId === suspect).length
    const isOut = client.reputation(suspect).some(({ state }) => state === 'quarantined')
    if (isOut) seen.until ??= seen.cheats
  }
  const banned = client
    .reputation()
    .filter(({ state, peer }) => state === 'quarantined' && peer !== suspect).length
  const { tokens: rated } = client.stats().audits
  return {
    requests,
    'answers until quarantine': cheat === undefined ? '' : (seen.until ?? 'never'),
    'wrong %': round((100 * (cheat === undefined ? 0 : seen.cheats)) / requests),
    'honest banned': banned,
    'rated ÷ answered': round(rated / seen.tokens),
    ...(trial.temperature === 0 && (await divergence(last, judge, trial))),
  }
}

/** Rates the last node's tokens with an honest engine of one thread. */
async function divergence(
  writer: Backend,
  judge: Backend,
  trial: Trial,
): Promise<Record<string, string | number>> {
  const margins: number[] = []
  for (let n = 0; n < RATED_ANSWERS; n += 1) {
    const { body, tokenIds } = await written(writer, n, trial)
    const [model] = await judge.models()
    const request = { kind: 'chat' as const, body: { ...body, model: model?.id ?? '' } }
    const score = { model: model?.id ?? '', request, completion: tokenIds }
    const signal = AbortSignal.timeout(ENGINE_TIMEOUT_MS)
    for await (const event of judge.infer({ kind: 'score', body: score }, { signal })) {
      if (event.type !== 'chunk' || !('scores' in event.json)) continue
      margins.push(...event.json.scores.map(marginOf))
    }
  }
  const misses = margins.filter((margin) => margin > 0)
  const finite = misses.filter(Number.isFinite)
  const mean = finite.reduce((sum, margin) => sum + margin, 0) / Math.max(1, finite.length)
  return {
    'misses %': round((100 * misses.length) / margins.length),
    'impossible %': round(
      (100 * misses.filter((margin) => margin > HARD_MARGIN).length) / margins.length,
    ),
    'margin at a miss, nats': round(mean),
  }
}

async function written(
  writer: Backend,
  n: number,
  trial: Trial,
): Promise<{ readonly body: ReturnType<typeof asked>; readonly tokenIds: readonly number[] }> {
  const [model] = await writer.models()
  const body = { ...asked(n, trial), model: model?.id ?? '' }
  const tokenIds: number[] = []
  const signal = AbortSignal.timeout(ENGINE_TIMEOUT_MS)
  for await (const event of writer.infer({ kind: 'chat', body }, { signal })) {
    if (event.type === 'chunk') tokenIds.push(...event.tokenIds)
  }
  return { body, tokenIds }
}

async function found(client: Client): Promise<void> {
  const until = performance.now() + FOUND_MS
  while ((await client.peers().catch(() => [])).length < NODES) {
    if (performance.now() > until) throw new Error('not all nodes were found')
  }
}

function named(backend: Backend): Backend {
  return {
    description: backend.description,
    load: (options) => backend.load(options),
    infer: (request, options) => backend.infer(request, options),
    models: async (options) =>
      (await backend.models(options)).map((model) => ({ ...model, aliases: [ALIAS] })),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../testing/models/${name}`, import.meta.url))
}

const QUESTIONS = [
  (n: number) => `Count from ${n} to ${n + 20}.`,
  (n: number) => `What is ${n % 20} + ${(n * 7) % 20}?`,
  (n: number) => `Tell me a story about a ${['goose', 'fox', 'boat', 'king'][n % 4]}.`,
  (n: number) => `List the ${['weekdays', 'months', 'planets'][n % 3]}.`,
]

/** Used by a cheat that recognizes canaries: it treats every other prompt as a user's. */
const USERS = /^(Count from \d+ to \d+\.|What is \d+ \+ \d+\?|Tell me a story|List the )/

const asked = (n: number, { temperature }: Pick<Trial, 'temperature'>) => ({
  model: ALIAS,
  ...(temperature !== undefined && { temperature }),
  max_tokens: 96,
  messages: [{ role: 'user' as const, content: QUESTIONS[n % QUESTIONS.length]?.(n) ?? '' }],
})
