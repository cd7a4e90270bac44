import type { PeerId } from '@libp2p/interface'
import { ReceiptBook, SharedTrust } from '../../ledger/index.ts'
import { Fairness } from '../../node/admission/index.ts'
import type { Receipt } from '../../protocol/index.ts'
import { type AttackOptions, percent, sizeOf } from './attack-setting.ts'
import type { Attack } from './attacks.ts'
import { Random } from './random.ts'
import { SimClient } from './sim-client.ts'
import { VirtualTime } from './virtual-time.ts'
import { World } from './world.ts'

const PEERS = 10
const SLOTS = 4
const GIVERS = 20
const RIDERS = 20
/** Of all givers together. */
const REQUESTS = 4_000
/** Of one giver; the givers alone take some 40 % of what the peers can do. */
const EVERY_MS = 2_000
const DEMAND = 10
/** Receipts that each giver has from each other. */
const RECEIPTS = 4

export const freeRiding: Attack = {
  name: 'Free-riding',
  criterion: `${RIDERS} clients ask ${DEMAND} times as much as each of ${GIVERS} that contribute, and give nothing: contributors’ p95 ≤ 1.2 of what it is without them`,
  control: 'contributors-first',
  async run(options) {
    const alone = await p95(options, 0)
    const beside = await p95(options, RIDERS)
    const ratio = beside.p95Ms / alone.p95Ms
    return {
      figures: {
        'p95 ratio': Number(ratio.toFixed(2)),
        'contributors answered %': percent(beside.givers),
        'riders answered %': percent(beside.riders),
      },
      passes: ratio <= 1.2 && beside.givers >= 0.999 && beside.riders > 0,
    }
  },
}

interface Run {
  readonly p95Ms: number
  /** Shares that were answered. */
  readonly givers: number
  readonly riders: number
}

async function p95({ seed, scale = 1, without = [] }: AttackOptions, riders: number): Promise<Run> {
  const time = new VirtualTime()
  const random = new Random(seed)
  const world = new World(time, random.fork())
  const names = Array.from({ length: GIVERS }, (_, n) => `giver-${n}`)
  const trust = trustAmong(names, time.now)
  const given = without.includes('contributors-first')
    ? () => 0
    : (peer: string) => trust.given(peer)
  for (let n = 0; n < PEERS; n += 1) {
    const fairness = new Fairness({ given, now: time.now })
    world.add({ subnet: `9.${n}.1`, slots: SLOTS, fairness })
  }
  const each = Math.max(10, Math.round((REQUESTS * scale) / GIVERS))
  const times: number[] = []
  let left = GIVERS
  const count = { givers: 0, ridersAsked: 0, riders: 0 }
  const ask = (client: SimClient, everyMs: number, onEnd: (ms?: number) => void): void => {
    client.request(sizeOf(random), ({ code, totalMs }) =>
      onEnd(code === 'answered' ? totalMs : undefined),
    )
    time.after(random.exponential(everyMs), () => {
      if (left > 0) ask(client, everyMs, onEnd)
    })
  }
  for (const name of names) {
    const client = new SimClient(world, { name })
    let answers = 0
    time.after(random.exponential(EVERY_MS), () =>
      ask(client, EVERY_MS, (ms) => {
        answers += 1
        if (answers > each) return
        if (ms !== undefined) {
          times.push(ms)
          count.givers += 1
        }
        if (answers === each) left -= 1
      }),
    )
  }
  for (let n = 0; n < riders; n += 1) {
    const client = new SimClient(world, { name: `rider-${n}` })
    time.after(random.exponential(EVERY_MS), () =>
      ask(client, EVERY_MS / DEMAND, (ms) => {
        count.ridersAsked += 1
        if (ms !== undefined) count.riders += 1
      }),
    )
  }
  while (left > 0) await time.run(time.now() + 60_000)
  const sorted = times.toSorted((a, b) => a - b)
  return {
    p95Ms: sorted[Math.floor(0.95 * sorted.length)] ?? 0,
    givers: count.givers / (GIVERS * each),
    riders: riders === 0 ? 1 : count.riders / Math.max(1, count.ridersAsked),
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
