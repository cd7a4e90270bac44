import { InferenceError } from '../../protocol/index.ts'
import { parsePeerId } from './peer-id.ts'

/** Max peers of one list. */
const MAX_TRUSTED = 1_024

/**
 * Reads the list of peers that may see a request. Operator tags are not accepted, because any peer can put any tag into
 * its advertisement.
 *
 * @param param name of the list in errors. @default trusted
 * @returns undefined if every peer may see it
 * @throws InferenceError `invalid_request` for anything but a list of peer ids
 */
export function trustedPeers(
  trusted: readonly string[] | undefined,
  param: string = 'trusted',
): ReadonlySet<string> | undefined {
  if (trusted === undefined) return undefined
  if (!Array.isArray(trusted) || trusted.length === 0 || trusted.length > MAX_TRUSTED) {
    throw refused(param, `must list 1 to ${MAX_TRUSTED} peer IDs`)
  }
  for (const peer of trusted) {
    if (parsePeerId(peer) === undefined)
      throw refused(param, `'${String(peer)}' is not a valid peer ID`)
  }
  return new Set(trusted)
}

function refused(param: string, why: string): InferenceError {
  return new InferenceError('invalid_request', `${param}: ${why}`, { details: { param } })
}
