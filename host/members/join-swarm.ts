import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  type Admission,
  type Certificate,
  decodeMembershipAnswer,
  encodeMembershipQuestion,
  InferenceError,
  MAX_MEMBERSHIP_BYTES,
  type MembershipRefusal,
  openCertificate,
  openIssuerCertificate,
  openMemberList,
  PROTOCOLS,
  signJoin,
  swarmIdOf,
} from '../../protocol/index.ts'
import { makeDirectory } from '../../storage/index.ts'
import { type AbortOptions, systemClock } from '../../timing/index.ts'
import { loadIdentity } from '../identity.ts'
import { askOnce, type Dialer } from '../one-shot.ts'
import { checkNoMembership, hasMembership } from './create-swarm.ts'
import { MEMBERSHIP } from './limits.ts'
import { inviteKey, type MemberInvite } from './member-invite.ts'
import { Membership } from './membership.ts'
import { refusalWords } from './refusal-words.ts'
import { Roster } from './roster.ts'
import { addAddresses, swarmPaths, writeSwarmFiles } from './swarm-files.ts'

/** A host without a membership, in the invite's private swarm. */
export interface JoiningHost {
  readonly libp2p: Dialer
  /** Dials an address that ends in `/p2p/…`. */
  connect(address: string, options?: AbortOptions): Promise<PeerId>
}

/** Refusals after which another member may still say yes. */
const ELSEWHERE: ReadonlySet<MembershipRefusal> = new Set(['no_issuer', 'busy', 'invite_unknown'])

/**
 * Asks the members of the invite, one after the other, for a certificate for this machine, and keeps it in a new
 * directory. Each of them passes the request on to an admin if it is not one itself.
 *
 * @throws InferenceError `invalid_request` for an invite that was used, has expired or was revoked, or a directory with
 *   a membership; `no_peers` if no member is reached, or no admin is online
 */
export async function joinSwarm(
  directory: string,
  invite: MemberInvite,
  host: JoiningHost,
  options: AbortOptions = {},
): Promise<Certificate> {
  await checkNoMembership(directory)
  if (invite.addresses.length === 0) {
    throw new InferenceError(
      'invalid_request',
      'the invite has no address: add one with --bootstrap',
    )
  }
  // Kept before the question: if the answer is lost, the next try with the same invite gets it.
  await makeDirectory(directory)
  const memberKey = await loadIdentity(swarmPaths(directory).memberKey)
  const failures: string[] = []
  for (const address of invite.addresses) {
    try {
      const peer = await host.connect(address, options)
      const { admission, certificate } = await ask(invite, memberKey, host, peer, options)
      const { swarm: name, owner, secret, addresses } = invite
      await writeSwarmFiles(directory, { name, owner, secret, addresses, memberKey, admission })
      return certificate
    } catch (error) {
      options.signal?.throwIfAborted()
      if (InferenceError.is(error, 'invalid_request')) throw error
      failures.push(`${address}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new InferenceError('no_peers', `no member let this machine join:\n${failures.join('\n')}`)
}

/**
 * Tries the pre-shared key of an invite for a day, for a member that was off while the key was replaced and older ones
 * expired. It counts once a member's list names it. The invite is not used up.
 *
 * @returns its certificate; `undefined` if the directory holds no membership of the invite's swarm, or the key is there
 *   already, or was replaced
 * @throws InferenceError `invalid_request` for a damaged membership
 */
export async function rejoinSwarm(
  directory: string,
  invite: MemberInvite,
): Promise<Certificate | undefined> {
  if (!(await hasMembership(directory))) return undefined
  using membership = await Membership.open(directory)
  if (!membership.roster.isOwner(invite.owner)) return undefined
  if (!(await membership.takeInvited(invite.secret))) return undefined
  await addAddresses(directory, invite.addresses)
  return membership.certificate
}

async function ask(
  invite: MemberInvite,
  memberKey: PrivateKey,
  host: JoiningHost,
  peer: PeerId,
  options: AbortOptions,
): Promise<{ readonly admission: Admission; readonly certificate: Certificate }> {
  const swarmId = await swarmIdOf(invite.owner)
  const member = peerIdFromPrivateKey(memberKey)
  const secret = await inviteKey(invite.joinSecret)
  const join = {
    ...{ swarmId, member, invite: peerIdFromPrivateKey(secret), passedOn: false },
    signature: await signJoin({ swarmId, member }, secret),
  }
  const frame = await askOnce(
    {
      ...{ libp2p: host.libp2p, peer, protocol: PROTOCOLS.membership },
      request: encodeMembershipQuestion({ type: 'join', join }),
      maxResponseBytes: MAX_MEMBERSHIP_BYTES,
      timeoutMs: MEMBERSHIP.exchangeTimeoutMs,
    },
    options,
  )
  const answer = decodeMembershipAnswer(frame)
  if (answer.type === 'refused') {
    const { reason, nowMs } = answer
    const words = refusalWords(reason, systemClock.wall() - nowMs)
    throw new InferenceError(ELSEWHERE.has(reason) ? 'no_peers' : 'invalid_request', words)
  }
  if (answer.type !== 'admission') throw new InferenceError('malformed', 'an unexpected answer')
  const certificate = await checked(invite.owner, swarmId, member, answer.admission)
  return { admission: answer.admission, certificate }
}

/** Only a certificate that leads to the owner in the invite, for this machine's key, is worth keeping. */
async function checked(
  owner: PeerId,
  swarmId: Uint8Array,
  member: PeerId,
  { certificate, issuerCertificate, lists }: Admission,
): Promise<Certificate> {
  const roster = new Roster({ swarmId, owner })
  const opened = await Promise.all(lists.map((list) => openMemberList(list)))
  for (const list of opened) roster.take(list)
  const own = await openCertificate(certificate)
  const issuer = await openIssuerCertificate(issuerCertificate)
  // The clock of this machine may be off; the members judge the times.
  const standing = roster.standingOf(own, own.notBeforeMs, issuer)
  if (!own.member.equals(member) || !standing.isMember) {
    throw new InferenceError('malformed', 'the certificate does not lead to the owner of the swarm')
  }
  return own
}
