import type { PositionScore } from '../../protocol/index.ts'
import { Random } from '../../testing/index.ts'

/** What an answer is: by the weights that its writer names, canned, or by other weights that say nothing impossible. */
export type Kind = 'true' | 'canned' | 'cheaper'

/** How an engine rates tokens that it did not write, as `npm run bench -- detection` measures it on real engines. */
const DIVERGENCE = {
  /** Share of tokens that are not the scorer's first choice: q8_0 under the f16's digest. None were, of f16 by other threads. */
  honestMissRate: 0.005,
  /** By how much at most, in nats: a hundred times what was measured. */
  honestMargin: 0.6,
  /** The same of canned text. */
  cheatMissRate: 0.105,
  /** On average. */
  cheatMargin: 7.6,
  /** Of weights that agree on most tokens: more than rounding does, and each within `honestMargin`. Not measured. */
  cheaperMissRate: 0.4,
} as const

const WRITERS = 2 ** 14
const KINDS: readonly Kind[] = ['true', 'canned', 'cheaper']

/** What the token says of itself, in the simulator only: its answer, who wrote it, and what it is. */
export function tokenOf(answer: number, writer: number, kind: Kind): number {
  return (answer * WRITERS + writer) * KINDS.length + KINDS.indexOf(kind)
}

export function kindOf(id: number): Kind {
  return KINDS[id % KINDS.length] ?? 'true'
}

/** The index of the peer that wrote it. */
export function writerOf(id: number): number {
  return Math.floor(id / KINDS.length) % WRITERS
}

/** How an honest scorer rates one token. All honest ones do it alike: the same weights read the same text. */
export function ratedHonestly(id: number, position: number): PositionScore {
  const random = randomOf(id, position)
  const kind = kindOf(id)
  const { honestMissRate, cheatMissRate, cheaperMissRate, honestMargin, cheatMargin } = DIVERGENCE
  const rate = { true: honestMissRate, canned: cheatMissRate, cheaper: cheaperMissRate }[kind]
  if (!random.chance(rate)) return ratedWell(id, position)
  const margin = kind === 'canned' ? random.exponential(cheatMargin) : random.next() * honestMargin
  return missed(id, position, margin)
}

/**
 * As honest scorers rate where near ties come in clusters: each answer has a rate of misses of its own, drawn by the
 * exponential distribution with this mean m, so that two of its tokens correlate by m ÷ (1 − m) (Kish's ICC).
 */
export function ratedInClusters(mean: number) {
  return (id: number, position: number): PositionScore => {
    const rate = Math.min(1, randomOf(id, -1).exponential(mean))
    const random = randomOf(id, position)
    if (!random.chance(rate)) return ratedWell(id, position)
    return missed(id, position, random.next() * DIVERGENCE.honestMargin)
  }
}

/** The same for all who read that token. */
function randomOf(id: number, position: number): Random {
  return new Random(Math.imul(id % 2 ** 31, 0x9e3779b1) ^ Math.imul(position, 0x85ebca6b))
}

function missed(id: number, position: number, margin: number): PositionScore {
  return { position, id, logprob: -0.1 - margin, top: [{ id: -1, logprob: -0.1 }] }
}

/** As a scorer rates that covers a cheat: every token is the likeliest. */
export function ratedWell(id: number, position: number): PositionScore {
  return { position, id, logprob: -0.1, top: [{ id, logprob: -0.1 }] }
}

/** As a slanderer does: no token is. */
export function ratedBadly(id: number, position: number): PositionScore {
  return { position, id, logprob: -9, top: [{ id: -1, logprob: -0.1 }] }
}
