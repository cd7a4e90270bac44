/** Settings that a running command takes over together. */
export interface LivePart<O> {
  /** Names of the settings, e.g. `max-queue`. */
  readonly settings: readonly string[]
  /** Puts them in force for work that begins later. @throws having changed nothing, if they cannot be used */
  apply(options: O): void | Promise<void>
}
