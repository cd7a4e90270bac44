/** The command line is wrong or lacks something. The message says which flag to change or add. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
  /** What stands in the `code` of an error event. */
  readonly code = 'usage'
}
