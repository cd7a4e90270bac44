import type { ClockReport, Membership } from '../../host/index.ts'
import { openClient } from '../open-client.ts'
import type { Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { peersInSwarm } from './way-in.ts'

/** Joining, and handing over the lists. */
const TIMEOUT_MS = 6_000

export interface Spread<T> {
  readonly changed: T
  /** Members that know the change now; `undefined` if a running process of this machine tells them. */
  readonly told: number | undefined
}

/**
 * Changes the members with the lists that other members have, and has them learn of it at once. A process of this machine
 * that runs does both; without one this command joins the swarm for a moment. Where no member is reached the change is
 * made all the same.
 *
 * @param change gets what the peers' clocks show, if any are known
 */
export async function changeMembers<T>(
  session: Session,
  options: SharedOptions,
  { name }: Membership,
  change: (clock?: ClockReport) => Promise<T>,
): Promise<Spread<T>> {
  const running = await peersInSwarm(session, name)
  if (running.length > 0) {
    const clock = running.flatMap((report) => report.clock ?? []).find(({ own }) => own === 'off')
    return { changed: await change(clock), told: undefined }
  }
  await using client = await openClient(session, { ...options, swarm: [name] })
  const { host } = client
  const spread = async (): Promise<number> => {
    try {
      return (await host.membership?.spread({ timeoutMs: TIMEOUT_MS, signal: session.signal })) ?? 0
    } catch {
      session.signal.throwIfAborted()
      return 0
    }
  }
  await host.joined({ timeoutMs: TIMEOUT_MS, signal: session.signal })
  await spread()
  const changed = await change(host.clock())
  await host.membership?.refresh()
  return { changed, told: await spread() }
}
