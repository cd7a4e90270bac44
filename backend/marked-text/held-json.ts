/** JSON that a grammar holds, as far as it is written. */
export interface HeldJson {
  /** Numbers the stretches of an answer that are held. */
  readonly part: number
  readonly text: string
}
