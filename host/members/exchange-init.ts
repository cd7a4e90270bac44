import type { Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import type { Certificate } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { PeerClocks } from '../peer-clocks.ts'
import type { MembershipGate } from './gate.ts'
import type { Membership } from './membership.ts'

/** What the exchange of members is made of. */
export interface MemberExchangeInit {
  readonly membership: Membership
  readonly gate: MembershipGate
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'getConnections' | 'peerId' | 'removeEventListener'
  >
  /** The owner's key, if it is on this machine. */
  readonly ownerKey?: PrivateKey | undefined
  readonly clocks: PeerClocks
  readonly clock: Clock
  /** Milliseconds since 1970 by this machine. */
  readonly wall: () => number
  readonly signal: AbortSignal
  /** Called when a peer has proved to be this member. */
  readonly onMember: (peer: PeerId, certificate: Certificate) => void
  readonly onError: (what: string, error: unknown) => void
  /** Receives a message for the operator. */
  readonly onFault: (message: string) => void
}
