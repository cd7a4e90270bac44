/** Of all choices: enough to learn of new peers, too little to hurt where they are bad. */
const SHARE = 0.05

/**
 * The newcomers' share: now and then somebody who has never answered us, where others have. Without it whoever came
 * first would stay the only one that is known to be good.
 *
 * @param random from 0, below 1; a low draw is no newcomer's
 */
export function chooseNewcomer<T>(
  candidates: readonly T[],
  isMeasured: (candidate: T) => boolean,
  random: () => number,
): T | undefined {
  const unknown = candidates.filter((candidate) => !isMeasured(candidate))
  if (unknown.length === 0 || unknown.length === candidates.length) return undefined
  if (random() < 1 - SHARE) return undefined
  return unknown[Math.floor(random() * unknown.length)]
}
