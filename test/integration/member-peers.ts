import { join } from 'node:path'
import {
  createSwarm,
  decodeMemberInvite,
  type Host,
  type HostInit,
  inviteMember,
  joinSwarm,
  Membership,
  swarmKeyOf,
} from '../../host/index.ts'
import type { MemberRole } from '../../protocol/index.ts'
import { addressesOf, createDataDir, startHost, track } from './host-peers.ts'

const DAY_MS = 86_400_000

/** A new swarm, and the directory of its first admin, `office`. */
export async function newSwarm(name = 'acme'): Promise<string> {
  const directory = join(await createDataDir(), name)
  await createSwarm(directory, { name, memberName: 'office' })
  return directory
}

/** The membership in a directory, as a command of that machine opens it. */
export async function openMembership(directory: string): Promise<Membership> {
  const membership = await Membership.open(directory)
  track({ [Symbol.asyncDispose]: () => Promise.resolve(membership[Symbol.dispose]()) })
  return membership
}

/** Has the admin of this directory invite a machine. */
export async function inviteTo(
  directory: string,
  through: Host,
  { name, role = 'node', uses = 1 }: { name: string; role?: MemberRole; uses?: number },
): Promise<string> {
  const nowMs = Date.now()
  return await inviteMember(
    await openMembership(directory),
    { name, role, uses, expiresAtMs: nowMs + DAY_MS, addresses: addressesOf(through) },
    { nowMs },
  )
}

/** Joins with an invite, as `skein join` does. @returns the directory of the new membership */
export async function joinWith(text: string): Promise<string> {
  const invite = decodeMemberInvite(text)
  await using host = await startHost({ listen: [], swarmKey: swarmKeyOf(invite.secret) })
  const directory = join(await createDataDir(), invite.swarm)
  await joinSwarm(directory, invite, host)
  return directory
}

/** A host of the member in this directory. */
export async function startMember(membership: string, init: Partial<HostInit> = {}): Promise<Host> {
  return await startHost({ membership, ...init })
}
