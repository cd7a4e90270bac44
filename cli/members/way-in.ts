import type { Membership } from '../../host/index.ts'
import { dataDirectories } from '../directories.ts'
import { shownAddresses } from '../join-line.ts'
import { reportsIn } from '../reports-here.ts'
import type { Session } from '../runtime.ts'
import type { StatusReport } from '../status-file.ts'

/** Addresses in one invite: two machines by either transport. */
const MAX_ADDRESSES = 6
const ROLES = ['bootstrap', 'up', 'node'] as const

/** Peers of this swarm that run on this machine. */
export async function peersInSwarm(
  { env }: Pick<Session, 'env'>,
  members: string,
): Promise<readonly StatusReport[]> {
  const directories = ROLES.flatMap((role) => dataDirectories(env, role, { members }))
  const found = await reportsIn(directories)
  return found.filter(({ liveness }) => liveness === 'running').map(({ report }) => report)
}

/** Addresses for an invite: of this machine's processes, of the peers that they joined through, and those typed. */
export async function wayIn(
  session: Session,
  { name, addresses }: Pick<Membership, 'name' | 'addresses'>,
  typed: readonly string[],
): Promise<readonly string[]> {
  const running = await peersInSwarm(session, name)
  const own = running.flatMap((report) => shownAddresses(report.addresses))
  const joinedThrough = running.flatMap(({ bootstrap }) =>
    bootstrap.filter(({ status }) => status === 'connected').map(({ address }) => address),
  )
  return [...new Set([...typed, ...own, ...joinedThrough, ...addresses])].slice(0, MAX_ADDRESSES)
}
