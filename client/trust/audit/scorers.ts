import { isExpired, type ModelAdvertisement } from '../../../protocol/index.ts'
import { type Directory, drawOverNetworks, networksOf, otherVoices } from '../../peers/index.ts'
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

/** Where an audit stands. */
export interface PanelState {
  readonly accused: Candidate
  /** By peer id: whom nobody asks again. */
  readonly asked: ReadonlySet<string>
  /** Whose network has had its say, or its chance. */
  readonly heard: readonly Candidate[]
}

/**
 * Whether a model rates as the accused's weights would: by its digest, and for a chat by its template, as other words
 * before the answer make other words in it. Templates that are not known match nothing.
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
 * The next to be asked about a peer's answer: one that has the same weights, whatever it calls them, and whose network
 * has no say in it yet. Drawn over networks; whoever was outvoted or fell silent comes last, and not at all while that
 * is but a moment ago.
 */
export function nextScorer(
  { directory, reputation, memory, now, random }: ScorersInit,
  { asked: { kind }, trusted }: Pick<AuditSubject, 'asked' | 'trusted'>,
  { accused, asked, heard }: PanelState,
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
      !reputation.isQuarantined(key, specClassOf(model))
    return mayRate ? [{ peerId, key, advertisement, model }] : []
  })
  const apart = otherVoices(all, accused, heard)
  const silences = memory.silences()
  const doubts = apart.map((candidate) => {
    const { key, model } = candidate
    const outvoted = Math.floor(reputation.doubts(key, specClassOf(model)))
    return outvoted + silences(key, networksOf(candidate))
  })
  const least = Math.min(...doubts)
  return drawOverNetworks(
    apart.filter((_, at) => doubts[at] === least),
    random,
  )
}
