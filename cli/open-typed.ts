import { InferenceError } from '../protocol/index.ts'
import { UsageError } from './usage-error.ts'

/**
 * Opens a resource with typed options. The library validates some of them; an invalid one is a usage error.
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
