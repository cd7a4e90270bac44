import { InferenceError } from '../../protocol/index.ts'

/**
 * A failure that names a field of OpenAI's chat, told with the field that the caller sent. Others are as they were.
 *
 * @param fields the caller's names by OpenAI's
 */
export function inCallersWords(
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

/** Runs a request, telling its failure {@link inCallersWords}. */
export async function toldInCallersWords<T>(
  fields: Readonly<Record<string, string>>,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw InferenceError.is(error) ? inCallersWords(error, fields) : error
  }
}
