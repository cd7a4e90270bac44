import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Roster } from '../../../../host/members/roster.ts'
import {
  type Certificate,
  type MemberList,
  openCertificate,
  openMemberList,
  sealCertificate,
  sealMemberList,
  swarmIdOf,
} from '../../../../protocol/index.ts'

export const DAY_MS = 86_400_000
/** When everything in these tests happens. */
export const NOW_MS = 1_800_000_000_000

export interface Party {
  readonly key: PrivateKey
  readonly id: PeerId
}

export async function newParty(): Promise<Party> {
  const key = await generateKeyPair('Ed25519')
  return { key, id: peerIdFromPrivateKey(key) }
}

/** An owner and its swarm, with shorthands for what the owner and admins sign. */
export interface Scene {
  readonly owner: Party
  readonly roster: Roster
  /** The roster of a peer that knows nothing yet. */
  newRoster(): Roster
  certify(issuer: Party, member: Party, more?: Partial<Certificate>): Promise<Certificate>
  list(issuer: Party, number: number, more?: Partial<MemberList>): Promise<MemberList>
}

export async function newScene(): Promise<Scene> {
  const owner = await newParty()
  const swarmId = await swarmIdOf(owner.id)
  const newRoster = (): Roster => new Roster({ swarmId, owner: owner.id })
  return {
    owner,
    newRoster,
    roster: newRoster(),
    certify: async (issuer, member, more = {}) =>
      await openCertificate(
        await sealCertificate(
          {
            ...{ swarmId, member: member.id, name: 'm', role: 'node', joinedAtMs: NOW_MS },
            ...{ notBeforeMs: NOW_MS, expiresAtMs: NOW_MS + 30 * DAY_MS },
            ...more,
          },
          issuer.key,
        ),
      ),
    list: async (issuer, number, more = {}) =>
      await openMemberList(
        await sealMemberList(
          {
            ...{ swarmId, number, issuedAtMs: NOW_MS, certificates: [], invites: [] },
            ...{ revocations: [], closedInvites: [] },
            ...more,
          },
          issuer.key,
        ),
      ),
  }
}
