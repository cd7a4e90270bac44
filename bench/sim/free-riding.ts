import type { PeerId } from '@libp2p/interface'
import { ReceiptBook, SharedTrust } from '../../ledger/index.ts'
import { Fairness } from '../../node/admission/index.ts'
import type { Receipt } from '../../protocol/index.ts'
import { Random, VirtualClock } from '../../testing/index.ts'
import type { Attack } from './attack.ts'
import { type AttackOptions, percent, sizeOf } from './attack-setting.ts'
import { SimClient } from './sim-client.ts'
import { World } from './world.ts'

const PEERS = 10
const SLOTS = 4
const GIVERS = 20
const RIDERS = 20
/** Of the riders, those that share one network; each of the others has its own. */
const NEIGHBOURS = 10
/** Of all givers together. */
const REQUESTS = 4_000
/** Of one giver; the givers alone take some 40 % of what the peers can do. */
const EVERY_MS = 2_000
const DEMAND = 10
/** Of one giver where the givers alone take more than twice what the peers can do. */
const FLOOD_EVERY_MS = 350
/** Receipts that each giver has from each other. */
const RECEIPTS = 4

export const freeRiding: Attack = {
  name: 'Free-riding',
  criterion: `${RIDERS} clients ask ${DEMAND} times as much as each of ${GIVERS} that contribute, and give nothing: contributors’ p95 ≤ 1.2 times the p95 without them`,
  control: 'contributors-first',
  moves: ['p95 ratio', 'contributors answered %'],
  async run(options) {
    const alone = await run(options, { riders: 0, everyMs: EVERY_MS })
    const beside = await run(options, { riders: RIDERS, everyMs: EVERY_MS })
    const ratio = beside.p95Ms / alone.p95Ms
    return {
      figures: {
        'p95 ratio': { value: ratio, atMost: 1.2 },
        'contributors answered %': { value: percent(beside.givers), atLeast: 99.9 },
        'riders answered %': { value: percent(beside.riders), atLeast: Number.MIN_VALUE },
      },
    }
  },
}

export const strangersFloor: Attack = {
  name: 'Contributors’ flood',
  criterion: `${GIVERS} contributors ask for twice the capacity: of the answers ${RIDERS} strangers have 15 to 30 % (one turn in five, and the turns that no contributor waits for), and of theirs the ${NEIGHBOURS} in one network have at most 0.7 of what ${RIDERS - NEIGHBOURS} in networks of their own have`,
  control: 'strangers-floor',
  moves: ['strangers’ share %'],
  async run(options) {
    const { answers } = await run(options, { riders: RIDERS, everyMs: FLOOD_EVERY_MS })
    const { neighbours, lone, givers } = answers
    const share = (neighbours + lone) / (neighbours + lone + givers)
    const ratio = neighbours / NEIGHBOURS / (Math.max(1, lone) / (RIDERS - NEIGHBOURS))
    return {
      figures: {
        'strangers’ share %': { value: percent(share), atLeast: 15, atMost: 30 },
        'neighbours ÷ others': { value: ratio, atMost: 0.7 },
      },
    }
  },
}

/** @param ms in which it was answered; absent where it was not */
type OnEnd = (ms?: number) => void

interface Run {
  readonly p95Ms: number
  /** Shares that were answered. */
  readonly givers: number
  readonly riders: number
  /** Until the last giver had as many answers as it is to have. */
  readonly answers: { givers: number; neighbours: number; lone: number }
}

async function run(
  { seed, scale = 1, without = [] }: AttackOptions,
  { riders, everyMs }: { readonly riders: number; readonly everyMs: number },
): Promise<Run> {
  const time = new VirtualClock()
  const random = new Random(seed)
  const world = new World(time, random.fork())
  const names = Array.from({ length: GIVERS }, (_, n) => `giver-${n}`)
  const trust = trustAmong(names, time.now)
  const given = without.includes('contributors-first')
    ? () => 0
    : (peer: string) => trust.given(peer)
  const floor = without.includes('strangers-floor')
    ? { strangersTurn: Number.POSITIVE_INFINITY }
    : {}
  for (let n = 0; n < PEERS; n += 1) {
    const fairness = new Fairness({ given, now: time.now })
    world.add({ subnet: `9.${n}.1`, slots: SLOTS, fairness, ...floor })
  }
  const each = Math.max(10, Math.round((REQUESTS * scale) / GIVERS))
  const times: number[] = []
  let left = GIVERS
  const answers = { givers: 0, neighbours: 0, lone: 0 }
  let [fromGivers, ridersAsked] = [0, 0]
  const ask = (client: SimClient, own: Random, pauseMs: number, onEnd: OnEnd): void => {
    client.request(sizeOf(own), ({ code, totalMs }) =>
      onEnd(code === 'answered' ? totalMs : undefined),
    )
    time.after(own.exponential(pauseMs), () => {
      if (left > 0) ask(client, own, pauseMs, onEnd)
    })
  }
  for (const [n, name] of names.entries()) {
    const client = new SimClient(world, { name, network: `12.${n}.1` })
    // What it asks, and when, is the same with and without riders.
    const own = random.fork()
    let ended = 0
    time.after(own.exponential(everyMs), () =>
      ask(client, own, everyMs, (ms) => {
        ended += 1
        if (ms !== undefined) answers.givers += 1
        if (ended > each) return
        if (ms !== undefined) {
          times.push(ms)
          fromGivers += 1
        }
        if (ended === each) left -= 1
      }),
    )
  }
  for (let n = 0; n < riders; n += 1) {
    const kind = n < NEIGHBOURS ? 'neighbours' : 'lone'
    const network = `13.${kind === 'lone' ? n : 0}.1`
    const client = new SimClient(world, { name: `rider-${n}`, network })
    const own = random.fork()
    time.after(own.exponential(EVERY_MS), () =>
      ask(client, own, EVERY_MS / DEMAND, (ms) => {
        ridersAsked += 1
        if (ms !== undefined) answers[kind] += 1
      }),
    )
  }
  while (left > 0) await time.run(time.now() + 60_000)
  const sorted = times.toSorted((a, b) => a - b)
  return {
    p95Ms: sorted[Math.floor(0.95 * sorted.length)] ?? 0,
    givers: fromGivers / (GIVERS * each),
    riders: riders === 0 ? 1 : (answers.neighbours + answers.lone) / Math.max(1, ridersAsked),
    answers,
  }
}

/** Each giver's node served each other giver. Their signatures are taken for verified. */
function trustAmong(names: readonly string[], now: () => number): SharedTrust {
  const book = new ReceiptBook(now)
  for (const client of names) {
    for (const beneficiary of names) {
      if (client !== beneficiary) for (const one of served(client, beneficiary)) book.add(one)
    }
  }
  return new SharedTrust(book, names, now)
}

let receipts = 0

function* served(client: string, beneficiary: string): Generator<Receipt> {
  let previousHash = new Uint8Array()
  for (let sequence = 1; sequence <= RECEIPTS; sequence += 1) {
    const hash = new Uint8Array(32)
    new DataView(hash.buffer).setUint32(0, ++receipts)
    yield {
      client: named(client),
      server: named(`node of ${beneficiary}`),
      ...{ beneficiary, sequence, previousHash, hash, nonce: hash },
      ...{ specHash: hash, outputHash: hash, bytes: hash },
      ...{ inputTokens: 1_000_000, outputTokens: 1_000_000, startedAtMs: 0, endedAtMs: 0 },
    }
    previousHash = hash
  }
}

const named = (name: string): PeerId => ({ toString: () => name }) as PeerId
