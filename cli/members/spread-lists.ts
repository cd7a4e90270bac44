import type { Membership } from '../../host/index.ts'
import { openClient } from '../open-client.ts'
import type { Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { peersInSwarm } from './way-in.ts'

/** Joining and handing over the lists. */
const TIMEOUT_MS = 8_000

/**
 * Has other members learn of a change at once: a process of this machine that runs notices the change itself; without
 * one this command joins the swarm for a moment.
 *
 * @returns members that know it now; `undefined` if a running process of this machine tells them
 */
export async function spreadLists(
  session: Session,
  options: SharedOptions,
  { name }: Membership,
): Promise<number | undefined> {
  if ((await peersInSwarm(session, name)).length > 0) return undefined
  try {
    await using client = await openClient(session, { ...options, swarm: name })
    await client.host.joined({ timeoutMs: TIMEOUT_MS / 2, signal: session.signal })
    return (await client.host.membership?.spread({ timeoutMs: TIMEOUT_MS })) ?? 0
  } catch (error) {
    session.signal.throwIfAborted()
    session.terminal.log(
      `No member is told yet: ${error instanceof Error ? error.message : String(error)}`,
    )
    return 0
  }
}
