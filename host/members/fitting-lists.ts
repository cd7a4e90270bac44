import type { MemberList } from '../../protocol/index.ts'
import { MEMBERSHIP } from './limits.ts'

/** Of these lists, in this order, those that fit into one message; the first one always does. */
export function fittingLists(lists: readonly MemberList[]): readonly MemberList[] {
  let room: number = MEMBERSHIP.maxListBytes
  return lists.filter(({ bytes }) => {
    room -= bytes.length
    return room >= 0
  })
}
