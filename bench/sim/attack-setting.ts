import { Random, VirtualClock } from '../../testing/index.ts'
import type { Defence } from './defence.ts'
import type { Outcome } from './outcome.ts'
import { SimClient } from './sim-client.ts'
import type { Behaviour, SimPeer } from './sim-peer.ts'
import { World } from './world.ts'
/** Options of an attack run. */
export interface AttackOptions {
  readonly seed: number
  readonly without?: readonly Defence[]
  /** 1 for the run in full; less for so much of the peers, of the attackers, and of the requests. */
  readonly scale?: number
}

/** Honest peers, each in its own network. */
const HONEST = 50
/** With fewer, a panel has too few scorers. */
const MIN_HONEST = 12
const REQUESTS = 20_000
/** Between two requests of the client. */
const EVERY_MS = 400

/**
 * A count at this scale, at least one. Peers, cheats and requests shrink together: a cheat does harm until it is known,
 * so that as many cheats in fewer requests would be a stronger attack.
 */
export const scaled = (count: number, { scale = 1 }: AttackOptions): number =>
  Math.max(1, Math.round(count * scale))

/** A client among peers, and the requests that it sends. */
export interface Setting {
  readonly time: VirtualClock
  readonly world: World
  readonly client: SimClient
  readonly random: Random
  readonly requests: number
  /** Outcomes, in the order of their requests. */
  readonly outcomes: (Outcome | undefined)[]
  /** Sends all requests. @param before each: its number */
  run(before?: (n: number) => void): Promise<void>
}

interface SettingInit {
  readonly policy?: 'hedge' | 'quorum'
  /** Defences that the attack and its control lack. @default none */
  readonly without?: readonly Defence[]
  /** Length of every answer. @default many lengths */
  readonly answerTokens?: number
  readonly populate?: (world: World, random: Random) => void
}

export function settingOf(options: AttackOptions, init: SettingInit = {}): Setting {
  const { seed, scale = 1 } = options
  const { policy = 'hedge', populate, answerTokens } = init
  const without = [...(options.without ?? []), ...(init.without ?? [])]
  const time = new VirtualClock()
  const random = new Random(seed)
  const world = new World(time, random.fork())
  const honest = Math.max(MIN_HONEST, scaled(HONEST, options))
  for (let n = 0; n < honest; n += 1) world.add({ subnet: `9.${n}.1`, ...speedOf(random) })
  populate?.(world, random)
  const fixed = answerTokens !== undefined && { answerTokens }
  const client = new SimClient(world, { name: 'victim', policy, without, ...fixed })
  const requests = scaled(REQUESTS, options)
  const outcomes: (Outcome | undefined)[] = Array.from({ length: requests })
  return {
    ...{ time, world, client, random, requests, outcomes },
    async run(before) {
      let left = requests
      const send = (n: number): void => {
        before?.(n)
        client.request({ ...sizeOf(random), ...fixed }, (outcome) => {
          outcomes[n] = outcome
          left -= 1
        })
        if (n + 1 < requests) time.after(random.exponential(EVERY_MS / scale), () => send(n + 1))
      }
      time.after(0, () => send(0))
      while (left > 0) await time.run(time.now() + 60_000)
      client.router.close()
    },
  }
}

interface Speed {
  readonly prefillRate: number
  readonly decodeRate: number
}

const speedOf = (random: Random): Speed => ({
  prefillRate: random.logNormal(2_000, 0.3),
  decodeRate: random.logNormal(40, 0.3),
})

export const sizeOf = (random: Random): { promptTokens: number; answerTokens: number } => ({
  promptTokens: Math.ceil(Math.min(4_000, random.logNormal(200, 0.8))),
  answerTokens: Math.ceil(Math.max(8, Math.min(400, random.logNormal(60, 0.5)))),
})

/** Of the answers, those that are wrong. */
export function wrongShare(outcomes: readonly (Outcome | undefined)[]): number {
  const answered = outcomes.filter((one) => one?.code === 'answered')
  return answered.filter((one) => one?.wrong).length / Math.max(1, answered.length)
}

/** Of the answers, those that a peer of this kind had a part in. */
export function shareOf(
  outcomes: readonly (Outcome | undefined)[],
  isOne: (key: string) => boolean,
): number {
  const answered = outcomes.filter((one) => one?.code === 'answered')
  return answered.filter((one) => one?.peers.some(isOne)).length / Math.max(1, answered.length)
}

/** In per cent, as the table has it. */
export const percent = (share: number): number => 100 * share

export const keysOf = (peers: readonly SimPeer[]): ReadonlySet<string> =>
  new Set(peers.map(({ candidate }) => candidate.key))

/** Cheats are fast: they run a smaller model. */
export const FAST = { prefillRate: 4_000, decodeRate: 80, slots: 4 } as const

/** @param subnets networks that the cheats are in. @default one for each */
export function withCheats(
  count: number,
  behaviour: (random: Random) => Behaviour,
  subnets?: number,
) {
  return (world: World, random: Random): void => {
    for (let n = 0; n < count; n += 1) {
      const subnet = `11.${n % (subnets ?? count)}.1`
      world.add({ subnet, ...FAST, behaviour: behaviour(random.fork()) })
    }
  }
}

export const isCheat = ({ init }: SimPeer): boolean => init.behaviour !== undefined
