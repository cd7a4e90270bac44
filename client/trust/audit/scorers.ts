import { isExpired, type ModelAdvertisement } from '../../../protocol/index.ts'
import {
  type Directory,
  drawOverNetworks,
  independentScorers,
  networksOf,
} from '../../peers/index.ts'
import type { Candidate } from '../../request/index.ts'
import { type Reputation, specClassOf, templateOf } from '../reputation/index.ts'
import type { AuditSubject } from './audit-subject.ts'
import type { ScorerMemory } from './scorer-memory.ts'

export interface ScorersInit {
  readonly directory: Pick<Directory, 'known'>
  readonly reputation: Reputation
  readonly memory: ScorerMemory
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0, below 1. */
  readonly random: () => number
}

/** The state of an audit. */
export interface PanelState {
  readonly accused: Candidate
  /** Peer ids of the scorers asked so far. */
  readonly asked: ReadonlySet<string>
  /** The candidates whose networks have been asked. */
  readonly consulted: readonly Candidate[]
}

/**
 * Whether a model can rate answers of the accused: it needs the same digest and, for chats, the same template, because
 * another template leads to other tokens. An unknown template matches none.
 */
export function ratesLike(
  model: Pick<ModelAdvertisement, 'capabilities' | 'digest' | 'templateHash'>,
  accused: Pick<ModelAdvertisement, 'digest' | 'templateHash'>,
  kind: AuditSubject['asked']['kind'],
): boolean {
  const { digest } = accused
  const template = templateOf(accused.templateHash)
  const isSame =
    digest !== undefined &&
    model.digest === digest &&
    (kind !== 'chat' || (template !== '' && templateOf(model.templateHash) === template))
  return isSame && (['score', kind] as const).every((name) => model.capabilities.includes(name))
}

/**
 * The next scorer for a peer's answer: a peer with the same weights under any name, from a network that has not been
 * asked. Drawn over networks. Peers that were outvoted or silent come last; those silent recently are not asked.
 */
export function nextScorer(
  { directory, reputation, memory, now, random }: ScorersInit,
  { asked: { kind }, trusted }: Pick<AuditSubject, 'asked' | 'trusted'>,
  { accused, asked, consulted }: PanelState,
): Candidate | undefined {
  const all = directory.known().flatMap((advertisement): Candidate[] => {
    const { peerId, models } = advertisement
    const key = peerId.toString()
    const model = models.find((served) => ratesLike(served, accused.model, kind))
    const mayRate =
      model !== undefined &&
      key !== accused.key &&
      !isExpired(advertisement, now()) &&
      !asked.has(key) &&
      !memory.rests(key) &&
      (trusted?.has(key) ?? true) &&
      !reputation.isExcluded(key, specClassOf(model))
    return mayRate ? [{ peerId, key, advertisement, model }] : []
  })
  const independent = independentScorers(all, accused, consulted)
  const silences = memory.silences()
  const doubts = independent.map((candidate) => {
    const { key, model } = candidate
    const outvoted = Math.floor(reputation.doubts(key, specClassOf(model)))
    return outvoted + silences(key, networksOf(candidate))
  })
  const least = Math.min(...doubts)
  return drawOverNetworks(
    independent.filter((_, at) => doubts[at] === least),
    random,
  )
}
