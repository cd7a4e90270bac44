import type { PeerId } from '@libp2p/interface'
import type { Certificate } from '../../protocol/index.ts'

const RANKS = { client: 0, node: 1, admin: 2 } as const

/** The best certificate of each member: the highest role, then the last to expire. */
export function bestOf(certificates: readonly Certificate[]): ReadonlyMap<string, Certificate> {
  const best = new Map<string, Certificate>()
  for (const certificate of certificates) {
    const key = certificate.member.toString()
    const other = best.get(key)
    if (other === undefined || isBetter(certificate, other)) best.set(key, certificate)
  }
  return best
}

function isBetter(a: Certificate, b: Certificate): boolean {
  return RANKS[a.role] - RANKS[b.role] > 0 || (a.role === b.role && a.expiresAtMs > b.expiresAtMs)
}

/** When a member joined with an invite. */
export interface Join {
  readonly member: PeerId
  readonly joinedAtMs: number
}

/** The members that joined with one invite. */
export interface Joins {
  readonly byMember: ReadonlyMap<string, Join>
  /** The first one first. */
  readonly inOrder: readonly Join[]
}

/** Those of each invite, by its key as text. */
export function joinsOf(certificates: readonly Certificate[]): ReadonlyMap<string, Joins> {
  const byInvite = new Map<string, Map<string, Join>>()
  for (const { invite, member, joinedAtMs } of certificates) {
    if (invite === undefined) continue
    const key = invite.key.toString()
    const joined = byInvite.get(key) ?? new Map<string, Join>()
    const earlier = joined.get(member.toString())
    if (earlier === undefined || joinedAtMs < earlier.joinedAtMs)
      joined.set(member.toString(), { member, joinedAtMs })
    byInvite.set(key, joined)
  }
  return new Map(
    [...byInvite].map(([key, byMember]) => {
      const inOrder = [...byMember.values()].toSorted((a, b) => (isBefore(a, b) ? -1 : 1))
      return [key, { byMember, inOrder }]
    }),
  )
}

/** Whether at least `uses` other members joined before this one. */
export function isAfter(join: Join, uses: number, { inOrder }: Joins): boolean {
  let before = 0
  const own = join.member.toString()
  for (const other of inOrder) {
    if (before >= uses || !isBefore(other, join)) break
    if (other.member.toString() !== own) before += 1
  }
  return before >= uses
}

function isBefore(a: Join, b: Join): boolean {
  if (a.joinedAtMs !== b.joinedAtMs) return a.joinedAtMs < b.joinedAtMs
  return a.member.toString() < b.member.toString()
}
