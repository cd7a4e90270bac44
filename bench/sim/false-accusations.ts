import type { Random } from '../../testing/index.ts'
import type { Attack, Measured } from './attack.ts'
import {
  type AttackOptions,
  keysOf,
  percent,
  type Setting,
  scaled,
  settingOf,
  shareOf,
} from './attack-setting.ts'
import { ratedBadly, ratedHonestly, ratedInClusters, writerOf } from './divergence.ts'
import type { SimClient } from './sim-client.ts'
import type { Behaviour, SimPeer } from './sim-peer.ts'

type Rating = NonNullable<Behaviour['rates']>

const rateBy = (peers: readonly SimPeer[], rates: () => Rating): void => {
  for (const { init } of peers) Object.assign(init, { behaviour: { rates: rates() } })
}

/** Over a whole answer: it errs for all of its tokens or for none. */
function erring(share: number): Rating {
  let answer = -1
  let errs = false
  return (id: number, position: number, random: Random) => {
    if (position <= answer || position === 0) errs = random.chance(share)
    answer = position
    return errs ? ratedBadly(id, position) : ratedHonestly(id, position)
  }
}

export const falseAlarms: Attack = {
  name: 'False alarms',
  criterion: 'scorers accuse 0.5 % of honest answers by mistake: 0 of 50 honest peers banned',
  // Each alone suffices here: who errs is outvoted, and one mistake in two hundred seldom hits the same peer thrice.
  control: ['panel', 'three-strikes'],
  moves: ['banned'],
  async run(options) {
    const setting = settingOf(options)
    rateBy(setting.world.peers, () => erring(0.005))
    await setting.run()
    return noneBanned(setting)
  },
}

export const nearTies: Attack = {
  name: 'False alarms, near ties',
  criterion:
    'all scorers miss 1 % of honest tokens, clustered (ICC 0.01), in answers of 400: 0 of 50 honest peers banned',
  control: 'design-effect',
  moves: ['banned'],
  async run(options) {
    const setting = settingOf(options, { answerTokens: 400 })
    rateBy(setting.world.peers, () => ratedInClusters(0.01))
    await setting.run()
    return noneBanned(setting)
  },
}

const noneBanned = ({ client }: Setting): Measured => ({
  figures: { banned: { value: everBanned(client).size, atMost: 0 } },
})

export const badMouthing: Attack = {
  name: 'Bad-mouthing',
  criterion:
    '30 % of the scorers slander 5 honest peers: none banned, and they answer ≤ 5 % less than in the same runs without slander',
  control: 'panel',
  moves: ['traffic lost %', 'banned'],
  async run(options) {
    const runs = Array.from({ length: PAIRS }, (_, n) => options.seed + 1_000 * n)
    const total = { quiet: 0, slandered: 0, banned: 0 }
    for (const seed of runs) {
      const { without = [] } = options
      // Baseline share of the five: no slander, full defence.
      total.quiet += (await slandered({ ...options, seed, without: [] }, false)).share
      const { share, banned } = await slandered({ ...options, seed, without }, true)
      total.slandered += share
      total.banned += banned
    }
    const lost = 1 - total.slandered / total.quiet
    return {
      figures: {
        'traffic lost %': { value: percent(lost), atMost: 5 },
        banned: { value: total.banned, atMost: 0 },
      },
    }
  },
}

/** Chance alone moves the traffic of five peers by some per cent: the loss is that of so many runs together. */
const PAIRS = 2

async function slandered(
  options: AttackOptions,
  isSlandered: boolean,
): Promise<{ readonly share: number; readonly banned: number }> {
  const setting = settingOf(options)
  const { peers } = setting.world
  const count = scaled(5, options)
  const victims = peers.slice(0, count)
  const names = new Set(victims.map(({ init }) => init.index))
  const slanderers = isSlandered ? peers.slice(count, count + scaled(15, options)) : []
  rateBy(slanderers, () => (id, position) => {
    return names.has(writerOf(id)) ? ratedBadly(id, position) : ratedHonestly(id, position)
  })
  await setting.run()
  const keys = keysOf(victims)
  const banned = [...everBanned(setting.client)].filter((key) => keys.has(key)).length
  return { share: shareOf(setting.outcomes, (key) => keys.has(key)), banned }
}

interface SavedStandings {
  readonly peers: readonly {
    readonly peer: string
    readonly standing: { readonly quarantines: number }
  }[]
}

/** Ever quarantined: they may be free again. */
function everBanned(client: SimClient): ReadonlySet<string> {
  const saved = client.reputation.toJSON() as SavedStandings
  return new Set(
    saved.peers.flatMap(({ peer, standing }) => (standing.quarantines > 0 ? [peer] : [])),
  )
}
