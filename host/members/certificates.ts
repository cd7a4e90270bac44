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

/** Members that joined with this invite, the first one first. */
export function joinedWith(
  invite: PeerId,
  certificates: readonly Certificate[],
): readonly PeerId[] {
  const joined = new Map<string, Certificate>()
  for (const certificate of certificates) {
    if (certificate.invite?.key.equals(invite) !== true) continue
    const key = certificate.member.toString()
    const other = joined.get(key)
    if (other === undefined || certificate.joinedAtMs < other.joinedAtMs)
      joined.set(key, certificate)
  }
  return [...joined.values()]
    .toSorted(
      (a, b) => a.joinedAtMs - b.joinedAtMs || (a.member.toString() < b.member.toString() ? -1 : 1),
    )
    .map(({ member }) => member)
}
