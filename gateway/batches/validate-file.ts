import { InferenceError } from '../../protocol/index.ts'
import { readBatchLine } from './batch-line.ts'
import type { LineError } from './batch-record.ts'
import { readLines } from './jsonl.ts'

/** Most errors reported per file. */
const MAX_ERRORS = 50

export interface ValidateOptions {
  readonly maxLineBytes: number
  readonly maxRequests: number
  /** That all lines must be for. @default any */
  readonly endpoint?: string
}

/** The requests of a batch file, or its errors. */
export interface FileVerdict {
  readonly total: number
  /** Empty: the file can be run. */
  readonly errors: readonly LineError[]
}

/** Validates a whole batch file before any request runs. */
export async function validateFile(
  path: string,
  { maxLineBytes, maxRequests, endpoint }: ValidateOptions,
): Promise<FileVerdict> {
  const ids = new Map<string, number>()
  const errors: LineError[] = []
  const refuse = (line: number | null, { code, message, details }: InferenceError): void => {
    errors.push({ code, line, message, param: details.param ?? null })
  }
  try {
    for await (const { number, text } of readLines(path, { maxLineBytes })) {
      if (errors.length >= MAX_ERRORS) break
      try {
        const { id } = readBatchLine(text, endpoint)
        const first = ids.get(id)
        if (first !== undefined) throw duplicate(id, first)
        if (ids.size >= maxRequests) throw tooMany(maxRequests)
        ids.set(id, number)
      } catch (error) {
        refuse(number, InferenceError.from(error))
      }
    }
  } catch (error) {
    if (!InferenceError.is(error)) throw error
    refuse(null, error)
  }
  if (ids.size === 0 && errors.length === 0) {
    refuse(null, new InferenceError('invalid_request', 'the file has no requests'))
  }
  return { total: ids.size, errors }
}

function duplicate(id: string, line: number): InferenceError {
  return new InferenceError('invalid_request', `custom_id '${id}' is also used in line ${line}`, {
    details: { param: 'custom_id' },
  })
}

function tooMany(most: number): InferenceError {
  return new InferenceError(
    'invalid_request',
    `a batch has at most ${most} requests: split the file`,
  )
}
