const LAST = 100

/** A task whose answer shows a token that was lost or doubled at a glance. */
export const PROMPT: string = `Count from 1 to ${LAST}.`
export const EXPECTED: string = `${Array.from({ length: LAST }, (_, index) => index + 1).join(', ')}.`
/** The node that counts is killed once these are said: a third and two thirds of the way. */
export const KILL_AFTER: readonly number[] = [33, 66]

/** Whether this number, and not only its beginning, has been said. */
export function hasSaid(text: string, number: number): boolean {
  return new RegExp(`\\b${number},`).test(text)
}

export interface Verdict {
  readonly ok: boolean
  readonly text: string
}

/** Only an exact count that really went on elsewhere proves anything. */
export function verdict(text: string, kills: number, resumes: number): Verdict {
  if (text !== EXPECTED) {
    const right = [...EXPECTED].findIndex((character, index) => character !== text[index])
    const from = Math.max(0, (right < 0 ? EXPECTED.length : right) - 12)
    return { ok: false, text: `The count is wrong here: "…${text.slice(from, from + 40)}"` }
  }
  if (kills < KILL_AFTER.length || resumes < kills) {
    return {
      ok: false,
      text: `The count is right, but proves nothing: ${kills} nodes killed, ${resumes} resumes.`,
    }
  }
  return {
    ok: true,
    text: `All numbers from 1 to ${LAST}, none lost, none twice; ${kills} nodes died in mid-count, and others went on.`,
  }
}
