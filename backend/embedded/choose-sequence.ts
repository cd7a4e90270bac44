/** What is known of one sequence of the engine's context. */
export interface SequenceState {
  readonly busy: boolean
  /** Whose tokens it holds. */
  readonly group: string | undefined
  /** Tokens that it holds. */
  readonly tokens: readonly number[]
  /** Rises with every use. */
  readonly lastUse: number
}

export interface Choice {
  readonly index: number
  /** The sequence holds tokens of the same group to go on from; otherwise it has to be cleared. */
  readonly warm: boolean
}

/** A warm sequence is taken when it saves at least this share of what it holds; else the space serves better emptied later. */
const MIN_KEPT_SHARE = 0.5

/**
 * Picks the sequence for a prompt: the one of the same group that shares the longest prefix, else an empty one, else
 * the one that was not used for longest. Tokens of another group are never reused: how fast an answer comes would
 * tell what others had asked.
 *
 * @returns `undefined` when all are busy.
 */
export function chooseSequence(
  sequences: readonly SequenceState[],
  prompt: readonly number[],
  group: string | undefined,
): Choice | undefined {
  const idle = sequences
    .map((sequence, index) => ({ sequence, index }))
    .filter(({ sequence }) => !sequence.busy)
  const warm = idle
    .filter(({ sequence }) => group !== undefined && sequence.group === group)
    .map(({ sequence, index }) => ({
      index,
      sequence,
      shared: sharedPrefix(sequence.tokens, prompt),
    }))
    .filter(({ shared }) => shared > 0)
    .sort((a, b) => b.shared - a.shared || b.sequence.lastUse - a.sequence.lastUse)[0]
  const oldest = idle.sort(
    (a, b) =>
      Number(a.sequence.tokens.length > 0) - Number(b.sequence.tokens.length > 0) ||
      a.sequence.lastUse - b.sequence.lastUse,
  )[0]
  if (oldest === undefined) return undefined
  const worthwhile =
    warm !== undefined &&
    (oldest.sequence.tokens.length > 0 ||
      warm.shared >= warm.sequence.tokens.length * MIN_KEPT_SHARE ||
      warm.shared >= prompt.length * MIN_KEPT_SHARE)
  return worthwhile ? { index: warm.index, warm: true } : { index: oldest.index, warm: false }
}

/** Number of tokens that both begin with. */
export function sharedPrefix(a: readonly number[], b: readonly number[]): number {
  const limit = Math.min(a.length, b.length)
  let shared = 0
  while (shared < limit && a[shared] === b[shared]) shared++
  return shared
}
