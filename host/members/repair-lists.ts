import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { MemberExchangeInit } from './exchange-init.ts'
import { publish } from './publish.ts'

type Init = Pick<MemberExchangeInit, 'membership' | 'onError' | 'ownerKey' | 'wall'>

/**
 * A list that another machine made with the same key, without knowing this machine's, may lack revocations, or the
 * newest pre-shared key: they are published again.
 */
export function repairLists({ membership, ownerKey, wall, onError }: Init): void {
  const { roster } = membership
  for (const key of [membership.memberKey, ownerKey]) {
    if (key === undefined) continue
    const id = peerIdFromPrivateKey(key)
    const listed = roster.listOf(id)
    const lacksRevocation = roster.revocationsBy(id).length > (listed?.revocations.length ?? 0)
    const lacksRotation = roster.rotationBy(id)?.number !== listed?.rotation?.number
    if (!lacksRevocation && !lacksRotation) continue
    membership
      .change(() => publish(membership, key, wall(), (entries) => entries))
      .catch((error: unknown) => onError('repairing the list of members', error))
  }
}
