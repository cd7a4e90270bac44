import { Random, VirtualClock } from '../../testing/index.ts'
import type { Outcome, SimRequest } from './outcome.ts'
import { SimClient } from './sim-client.ts'
import type { SimPeer } from './sim-peer.ts'
import { World } from './world.ts'
/** Size of a run. */
export interface Size {
  readonly peers: number
  readonly clients: number
  readonly requests: number
  readonly seed: number
}

/** What is planned beyond the even stream of requests. */
export interface Disturbance {
  readonly world: World
  readonly clients: readonly SimClient[]
  readonly random: Random
  /** Virtual time over which requests arrive. */
  readonly lengthMs: number
  /** Another request of this client, now. */
  send(client: SimClient): void
}

export interface Scenario {
  readonly name: string
  /** Events of a scenario, and its criterion. */
  readonly story: string
  /** Share of requests that must be answered. */
  readonly answered: number
  readonly sizes?: (random: Random) => Omit<SimRequest, 'number'>
  readonly disturb?: (disturbance: Disturbance) => void
}

/** Result of a scenario. */
export interface ScenarioResult {
  readonly requests: number
  readonly answered: number
  readonly wrong: number
  /** Attempts per request. */
  readonly amplification: number
  readonly ttftP50Ms: number
  readonly ttftP99Ms: number
  readonly resumed: number
  /** Longest pause in an answer, 99th percentile of those that went on elsewhere. */
  readonly gapP99Ms: number
  /** Answers that ended in each of the hundred slices of the run, and failures. */
  readonly timeline: readonly { readonly answered: number; readonly failed: number }[]
  readonly virtualMs: number
}

const REGIONS = ['eu', 'us', 'asia', 'south'] as const
/** Time between two requests of one client. */
const EVERY_MS = 2_000
const SLICES = 100

const usual = (random: Random): Omit<SimRequest, 'number'> => ({
  promptTokens: Math.ceil(Math.min(8_000, random.logNormal(400, 1))),
  answerTokens: Math.ceil(Math.max(4, Math.min(800, random.logNormal(80, 0.7)))),
  // Two of three requests continue a conversation.
  ...(random.chance(0.66) && { affinity: `conversation-${random.below(64)}` }),
})

/** Prompts of a Pareto distribution: a few are as long as all others together. */
const heavyTailed = (random: Random): Omit<SimRequest, 'number'> => ({
  promptTokens: Math.ceil(Math.min(100_000, 150 * (1 - random.next()) ** (-1 / 1.1))),
  answerTokens: Math.ceil(Math.max(4, Math.min(2_000, random.logNormal(80, 1.2)))),
})

/** Every scenario, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  { name: 'steady state', story: 'nothing happens', answered: 1 },
  {
    name: 'flash crowd',
    story: 'ten times the requests for a tenth of the time',
    answered: 0.99,
    disturb({ world, clients, random, lengthMs, send }) {
      const end = 0.5 * lengthMs
      for (const client of clients) {
        const more = (): void => {
          send(client)
          if (world.time.now() < end) world.time.after(random.exponential(EVERY_MS / 9), more)
        }
        world.time.at(0.4 * lengthMs, more)
      }
    },
  },
  {
    name: 'rolling restarts',
    story: 'every peer drains for 10 s, is killed and returns after 20 s, one in fifty at a time',
    answered: 0.999,
    disturb({ world, lengthMs }) {
      const stepMs = (0.8 * lengthMs) / 50
      for (const [n, peer] of world.peers.entries()) {
        const atMs = 0.1 * lengthMs + (n % 50) * stepMs
        world.time.at(atMs, () => {
          peer.status = 'draining'
        })
        world.time.at(atMs + 10_000, () => peer.die())
        world.time.at(atMs + 30_000, () => peer.revive())
      }
    },
  },
  {
    name: '80 % herd',
    story: 'four of five peers die at once; their answers continue on the fifth',
    answered: 0.97,
    disturb({ world, random, lengthMs }) {
      world.time.at(0.4 * lengthMs, () => {
        for (const peer of random.sample(world.peers, 0.8 * world.peers.length)) peer.die()
      })
      world.time.at(0.6 * lengthMs, () => {
        for (const peer of world.peers) peer.revive()
      })
    },
  },
  {
    name: 'partition and heal',
    story: 'one region of four cannot reach the others for a fifth of the time',
    answered: 0.98,
    disturb({ world, clients, lengthMs }) {
      const regions = new Map(clients.map(({ name, region }) => [name, region]))
      world.time.at(0.4 * lengthMs, () => world.cut('eu', (client) => regions.get(client)))
      world.time.at(0.6 * lengthMs, () => world.heal('eu'))
    },
  },
  {
    name: 'a region lost',
    story: 'the machines of one region of four disappear silently and do not return',
    answered: 0.99,
    disturb({ world, lengthMs }) {
      world.time.at(0.4 * lengthMs, () => {
        for (const peer of world.peers.filter(({ init }) => init.region === 'us')) peer.die(true)
      })
    },
  },
  {
    name: 'heavy-tailed prompts',
    story: 'prompts of a Pareto distribution (α = 1.1), up to 100,000 tokens',
    answered: 0.995,
    sizes: heavyTailed,
  },
]

/** Runs it; the same for the same seed. */
export async function runScenario(scenario: Scenario, size: Size): Promise<ScenarioResult> {
  const time = new VirtualClock()
  const random = new Random(size.seed)
  const world = new World(time, random.fork())
  for (let n = 0; n < size.peers; n += 1) addPeer(world, random, n)
  const clients = Array.from({ length: size.clients }, (_, n) => {
    return new SimClient(world, {
      name: `client-${n}`,
      region: REGIONS[n % REGIONS.length] ?? 'eu',
    })
  })
  const each = Math.ceil(size.requests / size.clients)
  const lengthMs = each * EVERY_MS
  const tally = new Tally(lengthMs)
  const sizes = scenario.sizes ?? usual
  let open = 0
  const send = (client: SimClient): void => {
    open += 1
    client.request(sizes(random), (outcome) => {
      open -= 1
      tally.add(outcome, time.now())
    })
  }
  for (const client of clients) {
    let left = each
    const next = (): void => {
      send(client)
      left -= 1
      if (left > 0) time.after(random.exponential(EVERY_MS), next)
    }
    time.after(random.exponential(EVERY_MS), next)
  }
  scenario.disturb?.({ world, clients, random, lengthMs, send })
  await time.run(lengthMs)
  while (open > 0) await time.run(time.now() + 10_000)
  for (const { router } of clients) router.close()
  return tally.result(time.now())
}

function addPeer(world: World, random: Random, n: number): SimPeer {
  const operator = random.chance(0.3) ? `operator-${random.below(200)}` : ''
  return world.add({
    region: REGIONS[n % REGIONS.length] ?? 'eu',
    subnet: `${20 + (n % 200)}.${Math.floor(n / 200) % 250}.1`,
    ...(operator !== '' && { operator }),
    slots: 1 + random.below(4),
    prefillRate: random.logNormal(2_000, 0.6),
    decodeRate: random.logNormal(40, 0.5),
  })
}

/** Adds up outcomes without keeping them: a million are too many. */
class Tally {
  readonly #sliceMs: number
  readonly #ttft: number[] = []
  readonly #gaps: number[] = []
  readonly #slices: { answered: number; failed: number }[]
  #requests = 0
  #answered = 0
  #wrong = 0
  #attempts = 0
  #resumed = 0

  constructor(lengthMs: number) {
    this.#sliceMs = lengthMs / SLICES
    this.#slices = Array.from({ length: SLICES }, () => ({ answered: 0, failed: 0 }))
  }

  add(outcome: Outcome, nowMs: number): void {
    const { code, wrong, ttftMs, attempts, resumes, gapMs } = outcome
    this.#requests += 1
    this.#attempts += attempts
    const slice = this.#slices[Math.min(SLICES - 1, Math.floor(nowMs / this.#sliceMs))]
    if (code !== 'answered') {
      if (slice !== undefined) slice.failed += 1
      return
    }
    if (slice !== undefined) slice.answered += 1
    this.#answered += 1
    this.#wrong += Number(wrong)
    this.#resumed += Number(resumes > 0)
    this.#ttft.push(ttftMs)
    if (gapMs > 0) this.#gaps.push(gapMs)
  }

  result(virtualMs: number): ScenarioResult {
    return {
      requests: this.#requests,
      answered: this.#answered / this.#requests,
      wrong: this.#wrong,
      amplification: this.#attempts / this.#requests,
      ttftP50Ms: quantile(this.#ttft, 0.5),
      ttftP99Ms: quantile(this.#ttft, 0.99),
      resumed: this.#resumed,
      gapP99Ms: quantile(this.#gaps, 0.99),
      timeline: this.#slices,
      virtualMs,
    }
  }
}

function quantile(values: number[], p: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0
}
