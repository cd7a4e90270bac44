import {
  type AttackOptions,
  FAST,
  HONEST,
  isCheat,
  keysOf,
  percent,
  settingOf,
  shareOf,
  withCheats,
  wrongShare,
} from './attack-setting.ts'
import { ratedBadly, ratedHonestly, ratedWell, writerOf } from './divergence.ts'
import { freeRiding, strangersFloor } from './free-riding.ts'
import type { Random } from './random.ts'
import { creditLaundering, receiptFarming } from './receipt-farming.ts'
import type { Defence, SimClient } from './sim-client.ts'
import type { Behaviour } from './sim-peer.ts'
import type { World } from './world.ts'

/** What an attack came to. */
export interface Measured {
  readonly figures: Readonly<Record<string, number>>
  readonly passes: boolean
}

export interface Attack {
  readonly name: string
  /** What must hold. */
  readonly criterion: string
  /** The part of the defence without which it does not hold. */
  readonly control: Defence
  run(options: AttackOptions): Promise<Measured>
}

/**
 * What a share may be. Cheats cost while they are not known yet, and that is as much in a short run as in a long one:
 * less than a third of the requests may have three times the share.
 */
const allowed = (share: number, { scale = 1 }: AttackOptions): number =>
  share * Math.min(3, 1 / scale)

const sybilFlood: Attack = {
  name: 'Sybil flood',
  criterion:
    '500 identities in 3 networks, 80 % of answers wrong: wrong ≤ 1.5 %, their share ≤ 6 %',
  control: 'held-newcomers',
  async run(options) {
    const lies = (random: Random): Behaviour => ({ lies: () => random.chance(0.8) })
    const setting = settingOf(options)
    // The client knows the honest ones already when the flood comes.
    const { client, world, random } = setting
    await setting.run((n) => {
      if (n !== Math.round(setting.requests / 20)) return
      withCheats(500, lies, 3)(world, random)
      client.learnOf(world.peers.filter(isCheat))
    })
    const sybils = keysOf(world.peers.filter(isCheat))
    const wrong = wrongShare(setting.outcomes)
    const share = shareOf(setting.outcomes, (key) => sybils.has(key))
    return {
      figures: { 'wrong %': percent(wrong), 'share %': percent(share) },
      passes: wrong <= allowed(0.015, options) && share <= allowed(0.06, options),
    }
  },
}

const traitor: Attack = {
  name: 'On-off traitor',
  criterion:
    '10 of 60 honest for 200 answers, then half wrong: wrong ≤ 2 %, in the last half ≤ 0.7 %',
  control: 'audit-floor',
  async run(options) {
    const honestFor = 200 * (options.scale ?? 1)
    const onOff = (random: Random): Behaviour => {
      return { lies: (served) => served >= honestFor && random.chance(0.5) }
    }
    const setting = settingOf(options, { populate: withCheats(10, onOff) })
    await setting.run()
    const wrong = wrongShare(setting.outcomes)
    const late = wrongShare(setting.outcomes.slice(setting.requests / 2))
    return {
      figures: { 'wrong %': percent(wrong), 'wrong late %': percent(late) },
      passes: wrong <= allowed(0.02, options) && late <= allowed(0.007, options),
    }
  },
}

const lowRate: Attack = {
  name: 'Low-rate cheat',
  criterion: '10 of 60 give 10 % wrong answers: in the last half wrong ≤ 1.2 %',
  control: 'audits',
  async run(options) {
    const rarely = (random: Random): Behaviour => ({ lies: () => random.chance(0.1) })
    const setting = settingOf(options, { populate: withCheats(10, rarely) })
    await setting.run()
    const late = wrongShare(setting.outcomes.slice(setting.requests / 2))
    return { figures: { 'wrong late %': percent(late) }, passes: late <= allowed(0.012, options) }
  },
}

const whitewash: Attack = {
  name: 'Whitewashing',
  criterion: '5 cheats come back with a new identity whenever they are banned: their share ≤ 6 %',
  control: 'held-newcomers',
  async run(options) {
    const always = (): Behaviour => ({ lies: () => true })
    const setting = settingOf(options, { populate: withCheats(5, always) })
    const { client, world } = setting
    const old = new Set<string>()
    await setting.run(() => {
      for (const { key } of bannedOf(client)) {
        const peer = world.peer(key)
        if (!isCheat(peer) || old.has(key)) continue
        old.add(key)
        peer.die()
        const { index: _, ...same } = peer.init
        client.learnOf([world.add(same)])
      }
    })
    const cheats = keysOf(world.peers.filter(isCheat))
    const share = shareOf(setting.outcomes, (key) => cheats.has(key))
    const identities = cheats.size
    return {
      figures: { 'share %': percent(share), identities },
      passes: share <= allowed(0.06, options),
    }
  },
}

function bannedOf(client: SimClient): readonly { readonly key: string }[] {
  return client.reputation
    .report()
    .flatMap(({ peer, state }) => (state === 'quarantined' ? [{ key: peer }] : []))
}

interface SavedStandings {
  readonly peers: readonly {
    readonly peer: string
    readonly standing: {
      readonly quarantines: number
      readonly quality: { readonly good: number; readonly bad: number }
    }
  }[]
}

/** Ever quarantined: they may be free again. */
function everBanned(client: SimClient): ReadonlySet<string> {
  const saved = client.reputation.toJSON() as SavedStandings
  return new Set(
    saved.peers.flatMap(({ peer, standing }) => (standing.quarantines > 0 ? [peer] : [])),
  )
}

const falseAlarms: Attack = {
  name: 'False alarms',
  criterion: 'scorers accuse 0.5 % of honest answers by mistake: 0 of 50 honest peers banned',
  control: 'panel',
  async run(options) {
    const setting = settingOf(options)
    for (const { init } of setting.world.peers) {
      let answer = -1
      let errs = false
      Object.assign(init, {
        behaviour: {
          // One verdict over a whole answer: it errs for all of its tokens or for none.
          rates: (id: number, position: number, random: Random) => {
            if (position <= answer || position === 0) errs = random.chance(mistakeRate(options))
            answer = position
            return errs ? ratedBadly(id, position) : ratedHonestly(id, position)
          },
        } satisfies Behaviour,
      })
    }
    await setting.run()
    const banned = everBanned(setting.client).size
    return { figures: { banned }, passes: banned === 0 }
  },
}

/** The control needs more mistakes than one run of few has. */
const mistakeRate = ({ without = [] }: AttackOptions): number =>
  without.includes('panel') ? 0.2 : 0.005

const collusion: Attack = {
  name: 'Quorum collusion',
  criterion:
    '20 % tell the same lie and cover each other: of answers by quorum 2-of-3 wrong ≤ 0.5 %',
  control: 'audits',
  async run(options) {
    const members = new Set<number>()
    const populate = (world: World): void => {
      for (let n = 0; n < 12; n += 1) {
        const behaviour: Behaviour = {
          clique: 'ring',
          lies: () => true,
          rates: (id, position) =>
            members.has(writerOf(id)) ? ratedWell(id, position) : ratedHonestly(id, position),
        }
        members.add(world.add({ subnet: `11.${n}.1`, behaviour, ...FAST }).init.index)
      }
    }
    const setting = settingOf(options, { policy: 'quorum', populate })
    await setting.run()
    const wrong = wrongShare(setting.outcomes)
    return { figures: { 'wrong %': percent(wrong) }, passes: wrong <= allowed(0.005, options) }
  },
}

const badMouthing: Attack = {
  name: 'Bad-mouthing',
  criterion:
    '30 % of the scorers slander 5 honest peers: none banned, and they lose ≤ 5 % of the standing that divides traffic',
  control: 'panel',
  async run(options) {
    const setting = settingOf(options)
    const { peers } = setting.world
    const victims = peers.slice(0, 5)
    const names = new Set(victims.map(({ init }) => init.index))
    for (const { init } of peers.slice(5, 20)) {
      const rates: NonNullable<Behaviour['rates']> = (id, position) =>
        names.has(writerOf(id)) ? ratedBadly(id, position) : ratedHonestly(id, position)
      Object.assign(init, { behaviour: { rates } })
    }
    await setting.run()
    const keys = keysOf(victims)
    const banned = [...everBanned(setting.client)].filter((key) => keys.has(key)).length
    // What counts against them, as the share that it takes of what counts for them.
    const saved = setting.client.reputation.toJSON() as SavedStandings
    const lostBy = saved.peers.flatMap(({ peer, standing: { quality } }) => {
      const { good, bad } = quality
      return keys.has(peer) ? [1 - (good + 2) / (good + bad + 2)] : []
    })
    const lost = lostBy.reduce((sum, one) => sum + one, 0) / victims.length
    return {
      figures: { 'standing lost %': percent(lost), banned },
      passes: lost <= 0.05 && banned === 0,
    }
  },
}

const slowLoris: Attack = {
  name: 'Slow-loris',
  criterion:
    '10 of 60 give a first token, then one in 5 s: another goes on within two stall windows (4 s)',
  control: 'pace',
  async run(options) {
    const populate = withCheats(10, () => ({ gapMs: 5_000 }))
    const setting = settingOf(options, { populate })
    await setting.run()
    const gaps = setting.outcomes.flatMap((one) => (one === undefined ? [] : [one.gapMs]))
    const longest = Math.max(...gaps)
    const failed = setting.outcomes.filter((one) => one?.code !== 'answered').length
    const slow = keysOf(setting.world.peers.filter(isCheat))
    // Without the pace nobody goes on elsewhere, and the caller sits it out.
    const ended = setting.outcomes.filter((one) => one?.peers.some((key) => slow.has(key)))
    const worst = Math.max(0, ...ended.map((one) => one?.totalMs ?? 0))
    return {
      figures: { 'longest gap s': longest / 1_000, failed, 'slowest s': Math.round(worst / 1_000) },
      passes: longest <= 4_000 && failed === 0 && worst <= 60_000,
    }
  },
}

const liars: Attack = {
  name: '30 % liars',
  criterion:
    '30 % of all peers answer wrongly, each its own way, and slander or cover at random: wrong ≤ 1.5 %',
  control: 'audits',
  async run(options) {
    return await runLiars(options, 'hedge', 0.015)
  },
}

const liarsQuorum: Attack = {
  name: '30 % liars, quorum',
  criterion: 'the same, of answers by quorum 2-of-3: wrong ≤ 0.5 %',
  control: 'audits',
  async run(options) {
    return await runLiars(options, 'quorum', 0.005)
  },
}

async function runLiars(
  options: AttackOptions,
  policy: 'hedge' | 'quorum',
  limit: number,
): Promise<Measured> {
  const behaviour = (): Behaviour => ({
    lies: () => true,
    clique: 'ring',
    rates: (id, position) => (id % 2 === 0 ? ratedBadly(id, position) : ratedWell(id, position)),
  })
  const setting = settingOf(options, {
    policy,
    populate: withCheats(Math.round((HONEST * 3) / 7), behaviour),
  })
  await setting.run()
  const wrong = wrongShare(setting.outcomes)
  const asked = setting.outcomes.reduce((sum, one) => sum + (one?.subject?.tokenIds.length ?? 0), 0)
  const written = setting.outcomes.reduce((sum, one) => sum + (one?.tokensWritten ?? 0), 0)
  return {
    figures: {
      'wrong %': percent(wrong),
      'written %': percent((written - asked) / asked),
      'rated %': percent(setting.client.auditedTokens / asked),
    },
    passes: wrong <= allowed(limit, options),
  }
}

/** Every attack that the simulator runs, in the order of the table. */
export const ATTACKS: readonly Attack[] = [
  sybilFlood,
  traitor,
  lowRate,
  whitewash,
  falseAlarms,
  collusion,
  badMouthing,
  receiptFarming,
  creditLaundering,
  slowLoris,
  freeRiding,
  strangersFloor,
  liars,
  liarsQuorum,
]
