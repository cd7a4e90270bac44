/** What a check found. */
export interface Findings {
  /** One line for each fault: what is wrong, where, and how to mend it. Empty if all is well. */
  readonly faults: readonly string[]
  /** What was looked at, in a sentence: printed when there is no fault. */
  readonly summary: string
}

/** @param update whether to rewrite the committed file that the check compares with, where it has one */
export type Check = (update: boolean) => Findings | Promise<Findings>
