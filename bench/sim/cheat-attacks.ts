import type { Random } from '../../testing/index.ts'
import type { Attack } from './attack.ts'
import {
  isCheat,
  keysOf,
  percent,
  scaled,
  settingOf,
  shareOf,
  withCheats,
  wrongShare,
} from './attack-setting.ts'
import type { SimClient } from './sim-client.ts'
import type { Behaviour } from './sim-peer.ts'
export const sybilFlood: Attack = {
  name: 'Sybil flood',
  criterion:
    '500 identities in 3 networks, 80 % of answers wrong: wrong ≤ 1.5 %, their share ≤ 6 %',
  control: ['held-newcomers', 'reputation-in-cost'],
  moves: ['wrong %', 'share %'],
  small: 0.2,
  async run(options) {
    const lies = (random: Random): Behaviour => ({ lies: () => random.chance(0.8) })
    const setting = settingOf(options)
    // The client knows the honest ones already when the flood comes.
    const { client, world, random } = setting
    await setting.run((n) => {
      if (n !== Math.round(setting.requests / 20)) return
      withCheats(scaled(500, options), lies, 3)(world, random)
      client.learnOf(world.peers.filter(isCheat))
    })
    const sybils = keysOf(world.peers.filter(isCheat))
    const wrong = wrongShare(setting.outcomes)
    const share = shareOf(setting.outcomes, (key) => sybils.has(key))
    return {
      figures: {
        'wrong %': { value: percent(wrong), atMost: 1.5 },
        'share %': { value: percent(share), atMost: 6 },
      },
    }
  },
}

export const traitor: Attack = {
  name: 'On-off traitor',
  criterion:
    '10 of 60 honest for 200 answers, then half wrong: wrong ≤ 2 %, in the last half ≤ 0.7 %',
  control: 'audit-floor',
  moves: ['wrong %', 'wrong late %'],
  async run(options) {
    const onOff = (random: Random): Behaviour => {
      return { lies: (served) => served >= 200 && random.chance(0.5) }
    }
    const setting = settingOf(options, { populate: withCheats(scaled(10, options), onOff) })
    await setting.run()
    const wrong = wrongShare(setting.outcomes)
    const late = wrongShare(setting.outcomes.slice(setting.requests / 2))
    return {
      figures: {
        'wrong %': { value: percent(wrong), atMost: 2 },
        'wrong late %': { value: percent(late), atMost: 0.7 },
      },
    }
  },
}

/** Cheats that lie now and then, or always, in a way that only one part of the defence notices. */
function lateCheat(
  row: Pick<Attack, 'name' | 'criterion' | 'control'>,
  behaviour: (random: Random) => Behaviour,
): Attack {
  return {
    ...row,
    moves: ['wrong late %'],
    // With fewer than five cheats a single one that is found late decides.
    small: 0.5,
    async run(options) {
      const setting = settingOf(options, { populate: withCheats(scaled(10, options), behaviour) })
      await setting.run()
      const late = wrongShare(setting.outcomes.slice(setting.requests / 2))
      return { figures: { 'wrong late %': { value: percent(late), atMost: 1.2 } } }
    },
  }
}

export const lowRate: Attack = lateCheat(
  {
    name: 'Low-rate cheat',
    criterion:
      '10 of 60 give 10 % of answers by weights that miss 40 % of tokens, none of them impossible: in the last half wrong ≤ 1.2 %',
    control: 'sequential-test',
  },
  (random) => ({ lie: 'cheaper', lies: () => random.chance(0.1) }),
)

export const rareLies: Attack = lateCheat(
  {
    name: 'Rare lies',
    criterion: '10 of 60 give 10 % canned answers: in the last half wrong ≤ 1.2 %',
    control: 'audits',
  },
  (random) => ({ lies: () => random.chance(0.1) }),
)

export const whitewash: Attack = {
  name: 'Whitewashing',
  criterion: '5 cheats return with a new identity whenever they are banned: their share ≤ 6 %',
  control: ['held-newcomers', 'reputation-in-cost'],
  moves: ['share %'],
  async run(options) {
    const always = (): Behaviour => ({ lies: () => true })
    const setting = settingOf(options, { populate: withCheats(scaled(5, options), always) })
    const { client, world } = setting
    const old = new Set<string>()
    await setting.run(() => {
      for (const key of bannedOf(client)) {
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
    return {
      figures: {
        'share %': { value: percent(share), atMost: 6 },
        identities: { value: cheats.size },
      },
    }
  },
}

const bannedOf = ({ reputation }: SimClient): readonly string[] =>
  reputation.report().flatMap(({ peer, state }) => (state === 'quarantined' ? [peer] : []))

export const slowLoris: Attack = {
  name: 'Slow-loris',
  criterion:
    '10 of 60 give a first token, then one in 5 s: another peer continues within two stall windows (4 s)',
  control: 'pace',
  // Without the pace check no other peer takes over, and the caller waits for the slow one.
  moves: ['failed', 'slowest s'],
  async run(options) {
    const populate = withCheats(scaled(10, options), () => ({ gapMs: 5_000 }))
    const setting = settingOf(options, { populate })
    await setting.run()
    const gaps = setting.outcomes.flatMap((one) => (one === undefined ? [] : [one.gapMs]))
    const longest = Math.max(...gaps)
    const failed = setting.outcomes.filter((one) => one?.code !== 'answered').length
    const slow = keysOf(setting.world.peers.filter(isCheat))
    const ended = setting.outcomes.filter((one) => one?.peers.some((key) => slow.has(key)))
    const worst = Math.max(0, ...ended.map((one) => one?.totalMs ?? 0))
    return {
      figures: {
        'longest gap s': { value: longest / 1_000, atMost: 4 },
        failed: { value: failed, atMost: 0 },
        'slowest s': { value: worst / 1_000, atMost: 60 },
      },
    }
  },
}
