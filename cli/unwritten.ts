import { diskFaultOf } from '../storage/index.ts'
import { EXIT } from './exit-codes.ts'

/**
 * Ends the process whose output cannot be written. A reader that closes early (`skein models | head`) is not an error; a
 * full disk is.
 *
 * @param write writes a line to stderr, and calls back when it is written
 */
export function endUnwritten(
  error: NodeJS.ErrnoException,
  write: (line: string, done: () => void) => void,
): void {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  const why = diskFaultOf(error)?.reason ?? error.message
  write(`skein: cannot write the output: ${why}`, () => process.exit(EXIT.failure))
}
