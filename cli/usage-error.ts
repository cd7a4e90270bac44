/** The command line is invalid. The message says which flag to change or add. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
  /** `code` of the error event. */
  readonly code = 'usage'
}
