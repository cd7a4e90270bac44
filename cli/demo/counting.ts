const LAST = 100

/** A task whose answer makes a lost or doubled token obvious. */
export const PROMPT: string = `Count from 1 to ${LAST}.`
export const EXPECTED: string = `${Array.from({ length: LAST }, (_, index) => index + 1).join(', ')}.`
/** The counting node is killed after these numbers: at one third and two thirds. */
export const KILL_AFTER: readonly number[] = [33, 66]

/** Whether the text contains the whole number, not only its first digits. */
export function hasSaid(text: string, number: number): boolean {
  return new RegExp(`\\b${number},`).test(text)
}

export interface Verdict {
  readonly ok: boolean
  readonly text: string
}

/** Succeeds only for an exact count that was resumed on another node after each kill. */
export function verdict(text: string, kills: number, resumes: number): Verdict {
  if (text !== EXPECTED) {
    const right = [...EXPECTED].findIndex((character, index) => character !== text[index])
    const from = Math.max(0, (right < 0 ? EXPECTED.length : right) - 12)
    return { ok: false, text: `The count is wrong here: "…${text.slice(from, from + 40)}"` }
  }
  if (kills < KILL_AFTER.length || resumes < kills) {
    return {
      ok: false,
      text: `The count is correct, but the run proves nothing: ${kills} nodes killed, ${resumes} resumes.`,
    }
  }
  return {
    ok: true,
    text: `All numbers from 1 to ${LAST}, none lost, none twice; ${kills} nodes were killed mid-count, and others continued.`,
  }
}
