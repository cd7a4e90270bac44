import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import { equals } from 'uint8arrays/equals'
import type { MemberHello, MembershipRefusal } from '../../protocol/index.ts'

/** Peers whose last refusal is kept. */
const MAX_PEERS = 4_096
/** Bytes of a certificate that is kept: more than any that counts. */
const MAX_CERTIFICATE_BYTES = 4_096

interface RefusedHello {
  readonly certificate: Uint8Array
  readonly reason: MembershipRefusal
}

/** Why peers were refused, so that one that asks too often with the same certificate still learns the true reason. */
export class RefusedHellos {
  readonly #last = new LRUCache<string, RefusedHello>({ max: MAX_PEERS })

  add(peer: PeerId, { certificate }: MemberHello, reason: MembershipRefusal): void {
    if (certificate.byteLength > MAX_CERTIFICATE_BYTES) return
    // The hello's bytes are part of a frame, which would be kept with them.
    this.#last.set(peer.toString(), { certificate: certificate.slice(), reason })
  }

  reasonFor(peer: PeerId, { certificate }: MemberHello): MembershipRefusal | undefined {
    const last = this.#last.get(peer.toString())
    return last !== undefined && equals(last.certificate, certificate) ? last.reason : undefined
  }
}
