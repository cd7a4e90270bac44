import type { Attack, Measured } from './attack.ts'
import {
  type AttackOptions,
  FAST,
  percent,
  scaled,
  settingOf,
  withCheats,
  wrongShare,
} from './attack-setting.ts'
import { kindOf, ratedBadly, ratedHonestly, ratedWell, writerOf } from './divergence.ts'
import type { Behaviour } from './sim-peer.ts'
import type { World } from './world.ts'

/** 20 % of the peers, who tell the same lie and cover each other. @param networks that they are in. @default own ones */
function ring(options: AttackOptions, networks?: number) {
  const members = new Set<number>()
  const count = scaled(12, options)
  const behaviour: Behaviour = {
    clique: 'ring',
    lies: () => true,
    rates: (id, position) =>
      members.has(writerOf(id)) ? ratedWell(id, position) : ratedHonestly(id, position),
  }
  return (world: World): void => {
    for (let n = 0; n < count; n += 1) {
      const subnet = `11.${n % (networks ?? count)}.1`
      const { index } = world.add({ subnet, behaviour, ...FAST }).init
      members.add(index)
    }
  }
}

const answeredShare = (outcomes: readonly ({ readonly code: string } | undefined)[]): number =>
  outcomes.filter((one) => one?.code === 'answered').length / outcomes.length

/** The quorum alone: no answer is audited, so no colluder is detected. */
export const collusion: Attack = {
  name: 'Quorum collusion',
  criterion:
    '20 % in one network give the same lie, and nothing is audited: of answers by quorum 2-of-3 wrong ≤ 0.5 %',
  control: 'apart',
  moves: ['wrong %'],
  async run(options) {
    const { wrong } = await quorumAgainst(options, 1)
    return { figures: { 'wrong %': { value: percent(wrong), atMost: 0.5 } } }
  },
}

export const dispute: Attack = {
  name: 'Quorum dispute',
  criterion: 'the same: ≥ 99.9 % are answered, though two often disagree',
  control: 'third-peer',
  moves: ['answered %'],
  async run(options) {
    const { answered } = await quorumAgainst(options, 1)
    return { figures: { 'answered %': { value: percent(answered), atLeast: 99.9 } } }
  },
}

async function quorumAgainst(options: AttackOptions, networks: number) {
  const populate = ring(options, networks)
  const setting = settingOf(options, { policy: 'quorum', populate, without: ['audits'] })
  await setting.run()
  const { outcomes } = setting
  return { wrong: wrongShare(outcomes), answered: answeredShare(outcomes) }
}

export const scatteredCollusion: Attack = {
  name: 'Quorum collusion, scattered',
  criterion:
    '20 %, each in its own network, give the same lie and cover each other: of answers by quorum 2-of-3 wrong ≤ 0.5 %',
  control: 'audits',
  moves: ['wrong %'],
  async run(options) {
    const setting = settingOf(options, { policy: 'quorum', populate: ring(options) })
    await setting.run()
    const wrong = wrongShare(setting.outcomes)
    return { figures: { 'wrong %': { value: percent(wrong), atMost: 0.5 } } }
  },
}

export const liars: Attack = {
  name: '30 % liars',
  criterion:
    '30 % of all peers are a clique that gives the same lie, accuses every true answer and covers every lie: wrong ≤ 1.5 %',
  control: 'audits',
  moves: ['wrong %'],
  async run(options) {
    return await runLiars(options, 'hedge', 1.5)
  },
}

export const liarsQuorum: Attack = {
  name: '30 % liars, quorum',
  criterion: 'the same, of answers by quorum 2-of-3: wrong ≤ 0.5 %',
  control: 'audits',
  moves: ['wrong %'],
  async run(options) {
    return await runLiars(options, 'quorum', 0.5)
  },
}

async function runLiars(
  options: AttackOptions,
  policy: 'hedge' | 'quorum',
  atMost: number,
): Promise<Measured> {
  const behaviour = (): Behaviour => ({
    lies: () => true,
    clique: 'ring',
    rates: (id, position) =>
      kindOf(id) === 'true' ? ratedBadly(id, position) : ratedWell(id, position),
  })
  // Of 71 peers 21.
  const populate = withCheats(scaled(21, options), behaviour)
  const setting = settingOf(options, { policy, populate })
  await setting.run()
  const wrong = wrongShare(setting.outcomes)
  const asked = setting.outcomes.reduce((sum, one) => sum + (one?.subject?.tokenIds.length ?? 0), 0)
  const written = setting.outcomes.reduce((sum, one) => sum + (one?.tokensWritten ?? 0), 0)
  return {
    figures: {
      'wrong %': { value: percent(wrong), atMost },
      'written %': { value: percent((written - asked) / asked) },
      'rated %': { value: percent(setting.client.auditedTokens / asked) },
    },
  }
}
