import type { PeerMark } from '../client/index.ts'
import { InferenceError, plainLine } from '../protocol/index.ts'
import type { Session } from './runtime.ts'
import type { SharedOptions } from './shared-options.ts'
import { openStandings, type Standings } from './standings.ts'

/** Data directories, printable. */
interface MarkedIn {
  /** Those in which the mark is stored now. */
  readonly stored: readonly string[]
  readonly failures: readonly { readonly dataDir: string; readonly error: unknown }[]
}

/** Stores a mark in each data directory; one that cannot be written does not keep it from the others. */
export async function markIn(
  all: readonly Standings[],
  peer: string,
  wanted: PeerMark | undefined,
): Promise<MarkedIn> {
  const stored: string[] = []
  const failures: { dataDir: string; error: unknown }[] = []
  for (const { reputation, save, dataDir } of all) {
    try {
      if (reputation.markOf(peer) !== wanted) {
        reputation.mark(peer, wanted)
        await save()
      }
      stored.push(plainLine(dataDir))
    } catch (error) {
      failures.push({ dataDir: plainLine(dataDir), error })
    }
  }
  return { stored, failures }
}

/**
 * Stores the mark that this process's client has taken in the data directories of all processes of this user. With
 * `--data-dir` only in that one.
 *
 * @throws InferenceError naming the data directories in which it is not stored
 */
export async function markEverywhere(
  session: Pick<Session, 'env' | 'terminal'>,
  options: SharedOptions,
  peer: string,
  wanted: PeerMark | undefined,
): Promise<void> {
  const failed = (why: string): InferenceError =>
    new InferenceError('internal', `stored for this process, but not for all others: ${why}`)
  try {
    await using standings = await openStandings(session, options, 'everywhere')
    const { failures } = await markIn(standings.all, peer, wanted)
    if (failures.length === 0) return
    throw failed(failures.map(({ dataDir, error }) => `${dataDir}: ${messageOf(error)}`).join('; '))
  } catch (error) {
    throw InferenceError.is(error, 'internal') ? error : failed(messageOf(error))
  }
}

function messageOf(error: unknown): string {
  return plainLine(error instanceof Error ? error.message : String(error))
}
