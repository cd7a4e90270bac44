import { InferenceError } from '../../protocol/index.ts'

/**
 * Renames the OpenAI field of a failure to the field that the caller sent. Other failures are unchanged.
 *
 * @param fields the caller's names by OpenAI's
 */
export function inCallersFields(
  error: InferenceError,
  fields: Readonly<Record<string, string>>,
): InferenceError {
  const { code, message, details, retryAfterMs } = error
  const { param } = details
  if (param === undefined || !Object.hasOwn(fields, param)) return error
  const field = fields[param] ?? param
  return new InferenceError(code, message.replaceAll(`'${param}'`, `'${field}'`), {
    cause: error,
    details: { ...details, param: field },
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })
}

/** Runs a request; failures are mapped by {@link inCallersFields}. */
export async function withCallersFields<T>(
  fields: Readonly<Record<string, string>>,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw InferenceError.is(error) ? inCallersFields(error, fields) : error
  }
}
