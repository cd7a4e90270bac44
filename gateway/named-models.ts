/** The models that a request names. */
export interface NamedModels {
  readonly model?: unknown
  /** The rest of a chain. */
  readonly models?: unknown
}
