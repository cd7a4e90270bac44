/** One value of a configuration file. */
export interface Entry {
  /** The command it holds for; absent at the top, where it holds for every command with that setting. */
  readonly section?: string
  /** E.g. `max-queue`. */
  readonly name: string
  /** Section and name, e.g. `node.max-queue`. */
  readonly field: string
  /** One text, or one for each item of a list; a mapping gives `key=value`. References are resolved. */
  readonly texts: readonly string[]
  /** The texts as written, with references unresolved. */
  readonly shown: string
  /** Counted from 1. */
  readonly line: number
  /** Why it has no value, e.g. a variable that is not set. Counts where the setting is used. */
  readonly faults: readonly string[]
}

export interface ConfigFile {
  readonly path: string
  readonly entries: readonly Entry[]
}
