import type { Connection } from '@libp2p/interface'
import {
  decodeMembershipAnswer,
  encodeMembershipQuestion,
  MAX_MEMBERSHIP_BYTES,
  type MembershipAnswer,
  type MembershipQuestion,
  PROTOCOLS,
} from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import { askOnce } from '../one-shot.ts'
import type { MembershipGate } from './gate.ts'
import { MEMBERSHIP } from './limits.ts'

/**
 * Asks the peer of a connection.
 *
 * @param timeoutMs @default MEMBERSHIP.exchangeTimeoutMs
 * @throws InferenceError if there is no answer in time, or an invalid one
 */
export type AskMember = (
  connection: Connection,
  question: MembershipQuestion,
  timeoutMs?: number,
) => Promise<MembershipAnswer>

export interface AskMemberInit {
  readonly gate: Pick<MembershipGate, 'newStream'>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Questions of the membership protocol, over streams that need no proof. */
export function createAskMember({ gate, clock, signal }: AskMemberInit): AskMember {
  return async (connection, question, timeoutMs = MEMBERSHIP.exchangeTimeoutMs) => {
    const frame = await askOnce(
      {
        libp2p: {
          dialProtocol: (_, protocol, options) => gate.newStream(connection, protocol, options),
        },
        peer: connection.remotePeer,
        protocol: PROTOCOLS.membership,
        request: encodeMembershipQuestion(question),
        maxResponseBytes: MAX_MEMBERSHIP_BYTES,
        timeoutMs,
        clock,
      },
      { signal },
    )
    return decodeMembershipAnswer(frame)
  }
}
