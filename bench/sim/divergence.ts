import type { PositionScore } from '../../protocol/index.ts'
import { Random } from './random.ts'

/**
 * How an engine rates tokens that it did not write, as `npm run bench -- detection` measures it on real engines. The
 * cheat of the simulator gives canned text; weaker cheats are for that benchmark.
 */
const DIVERGENCE = {
  /** Share of tokens that are not the scorer's first choice: q8_0 under the f16's digest. None were, of f16 by other threads. */
  honestMissRate: 0.005,
  /** By how much at most, in nats: a hundred times what was measured. */
  honestMargin: 0.6,
  /** The same of canned text. */
  cheatMissRate: 0.105,
  /** On average. */
  cheatMargin: 7.6,
} as const

const WRITERS = 2 ** 14

/** What the token says of itself, in the simulator only: its answer, who wrote it, and whether with the weights that it names. */
export function tokenOf(answer: number, writer: number, isTrue: boolean): number {
  return (answer * WRITERS + writer) * 2 + Number(!isTrue)
}

/** Whether it was written with the weights that its writer names. */
function isTrueToken(id: number): boolean {
  return id % 2 === 0
}

/** The index of the peer that wrote it. */
export function writerOf(id: number): number {
  return Math.floor(id / 2) % WRITERS
}

/** How an honest scorer rates one token. All honest ones do it alike: the same weights read the same text. */
export function ratedHonestly(id: number, position: number): PositionScore {
  const random = new Random(Math.imul(id % 2 ** 31, 0x9e3779b1) ^ Math.imul(position, 0x85ebca6b))
  const rate = isTrueToken(id) ? DIVERGENCE.honestMissRate : DIVERGENCE.cheatMissRate
  if (!random.chance(rate)) return { position, id, logprob: -0.1, top: [{ id, logprob: -0.1 }] }
  const margin = isTrueToken(id)
    ? random.next() * DIVERGENCE.honestMargin
    : random.exponential(DIVERGENCE.cheatMargin)
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
