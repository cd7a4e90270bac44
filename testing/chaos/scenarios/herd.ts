import { setTimeout as wait } from 'node:timers/promises'
import { ProcessSwarm, type SwarmClient } from '../../swarms/chaos-swarm.ts'
import type { EngineInit } from '../../swarms/swarm-process.ts'
import { openLoop } from '../arrivals.ts'
import { counting, type Outcome, type Tally, Watch } from '../watch.ts'

export interface HerdSize {
  readonly nodes: number
  /** Each has a long prompt of its own, and asks again and again. */
  readonly conversations: number
  /** How long before the kill, between the kill and the restart, and afterwards. */
  readonly calmMs: number
  readonly deadMs: number
  readonly afterMs: number
}

export interface HerdFindings extends Tally {
  readonly killed: number
  /** Requests answered a second, as a share of what is asked for, before the kill, between, and in the end. */
  readonly before: number
  readonly between: number
  readonly after: number
  /** Time from the restart until 95 % of requests are answered again, for good. */
  readonly recoveryAfterMs: number
  /** Prompt tokens computed from the kill on. */
  readonly prefilled: number
  /** Prompt tokens if every conversation is prefilled once more. */
  readonly onceAnew: number
  /** Those that a swarm would compute that keeps nothing warm. */
  readonly withoutCache: number
}

/** Twenty tokens of answer take 400 ms, and a cold prompt of some 200 tokens as long again. */
const ENGINE: EngineInit = { model: 'counter', slots: 2, paceMs: 20, prefillMsPerToken: 2 }
const NUMBERS = 10
/** Letters are tokens of their own here. */
const PROMPT_LETTERS = 200
const DEADLINE_MS = 6_000
/** Of the capacity while all live and prompts are warm: far more than the fifth that survives can do. */
const LOAD = 0.4
const BUCKET_MS = 1_000

/** Four of five nodes are killed at once, and come back all at once, as the same peers, with nothing warm. */
export async function herd(size: HerdSize): Promise<HerdFindings> {
  await using swarm = await ProcessSwarm.create()
  const folders = Array.from({ length: size.nodes }, () => swarm.dataDir())
  const start = (dataDir: string) => swarm.node({ engine: ENGINE, dataDir })
  const nodes = await Promise.all(folders.map(start))
  const client = await swarm.client({ timeoutMs: DEADLINE_MS })
  const watch = new Watch()
  const perSecond = (LOAD * size.nodes * ENGINE.slots * 1_000) / (2 * NUMBERS * ENGINE.paceMs)
  const over = new AbortController()
  const crowd = openLoop({
    perSecond,
    until: over.signal,
    arrive: (index) => ask(client, watch, index % size.conversations),
  })
  const startedAt = performance.now()
  await wait(size.calmMs)
  const killed = Math.round(0.8 * size.nodes)
  const prefilledBefore = swarm.prefilled
  const asked = (): number => watch.outcomes.length
  const askedBefore = asked()
  const killedAt = performance.now()
  await Promise.all(
    nodes.slice(0, killed).map(async (node) => {
      watch.lost(node.peerId)
      await node.kill()
    }),
  )
  await wait(size.deadMs)
  await Promise.all(folders.slice(0, killed).map(start))
  const restartedAt = performance.now()
  await wait(size.afterMs)
  over.abort()
  const endsAt = performance.now()
  await crowd
  const { outcomes } = watch
  const late = outcomes.filter((outcome) => outcome.startedAt >= restartedAt)
  return {
    ...watch.tally(),
    killed,
    before: answeredShare(outcomes, startedAt, killedAt),
    between: answeredShare(outcomes, killedAt, restartedAt),
    after: answeredShare(outcomes, (restartedAt + endsAt) / 2, endsAt),
    recoveryAfterMs: recoveryAfter(late, restartedAt),
    prefilled: swarm.prefilled - prefilledBefore,
    onceAnew: size.conversations * PROMPT_LETTERS,
    withoutCache: (asked() - askedBefore) * PROMPT_LETTERS,
  }
}

async function ask(client: SwarmClient, watch: Watch, conversation: number): Promise<void> {
  const question = counting(conversation + 1, conversation + NUMBERS)
  // Different from the first letter on.
  const topic = `${String.fromCharCode(0x100 + conversation)}${'a'.repeat(PROMPT_LETTERS)}`
  const messages = [
    { role: 'system', content: topic },
    { role: 'user', content: question.prompt },
  ]
  const request = { model: ENGINE.model, messages, temperature: 0 }
  await watch.read(client.requester.streamChat(request), question)
}

function answeredShare(outcomes: readonly Outcome[], from: number, to: number): number {
  const asked = outcomes.filter(({ startedAt }) => startedAt >= from && startedAt < to)
  return asked.filter(({ verdict }) => verdict === 'exact').length / asked.length
}

function recoveryAfter(late: readonly Outcome[], fromMs: number): number {
  const last = Math.max(...late.map(({ startedAt }) => startedAt))
  for (let at = fromMs; at < last; at += BUCKET_MS) {
    if (answeredShare(late, at, at + BUCKET_MS) < 0.95) continue
    if (answeredShare(late, at, last + 1) >= 0.95) return at - fromMs
  }
  return Number.POSITIVE_INFINITY
}
