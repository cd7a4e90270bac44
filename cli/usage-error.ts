import { InferenceError } from '../protocol/index.ts'

/** The command line is wrong or lacks something. The message says which flag to change or add. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
  /** What stands in the `code` of an error event. */
  readonly code = 'usage'
}

/**
 * Opens something with what was typed. The library checks some of it; what it calls invalid is wrong on the command
 * line.
 *
 * @throws UsageError in place of InferenceError `invalid_request`
 */
export async function openTyped<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    if (!InferenceError.is(cause, 'invalid_request')) throw cause
    throw new UsageError(cause.message, { cause })
  }
}
