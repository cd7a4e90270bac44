/** What is known of one sequence of the engine's context. */
export interface SequenceState {
  readonly busy: boolean
  /** Group whose tokens it holds. */
  readonly group: string | undefined
  /** Tokens that it holds. */
  readonly tokens: readonly number[]
  /** Rises with every use. */
  readonly lastUse: number
}

export interface SequenceChoice {
  readonly index: number
  /** The sequence holds tokens of the same group to go on from; otherwise it has to be cleared. */
  readonly warm: boolean
}

/** A sequence is the prompt's own when they share so much of either; with less it is another conversation's, which will want it back. */
const MIN_KEPT_SHARE = 0.5

/**
 * Picks the sequence for a prompt: the one of the same group that shares the longest prefix, if that is long, else an
 * empty one, else the one that was not used for longest. Tokens of another group are never reused: the time
 * to the first token would reveal what other clients had asked.
 *
 * @returns `undefined` when all are busy.
 */
export function chooseSequence(
  sequences: readonly SequenceState[],
  prompt: readonly number[],
  group: string | undefined,
): SequenceChoice | undefined {
  const idle = sequences.flatMap((sequence, index) => {
    if (sequence.busy) return []
    const isOurs = group !== undefined && sequence.group === group
    return [{ index, sequence, shared: isOurs ? sharedPrefix(sequence.tokens, prompt) : 0 }]
  })
  const [warmest] = idle.toSorted(
    (a, b) => b.shared - a.shared || b.sequence.lastUse - a.sequence.lastUse,
  )
  const [oldest] = idle.toSorted(
    (a, b) =>
      Number(a.sequence.tokens.length > 0) - Number(b.sequence.tokens.length > 0) ||
      a.sequence.lastUse - b.sequence.lastUse,
  )
  if (warmest === undefined || oldest === undefined) return undefined
  const { sequence, shared } = warmest
  const isOwn = shared >= Math.min(sequence.tokens.length, prompt.length) * MIN_KEPT_SHARE
  const chosen = shared > 0 && isOwn ? warmest : oldest
  return { index: chosen.index, warm: chosen.shared > 0 }
}

/** Length of the common prefix, in tokens. */
export function sharedPrefix(a: readonly number[], b: readonly number[]): number {
  const limit = Math.min(a.length, b.length)
  let shared = 0
  while (shared < limit && a[shared] === b[shared]) shared++
  return shared
}
