import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'

/** Both ends of an in-memory stream on which a protocol was agreed. */
export async function pairFor(protocol: string): Promise<[outbound: Stream, inbound: Stream]> {
  const [outbound, inbound] = await streamPair()
  outbound.protocol = protocol
  inbound.protocol = protocol
  return [outbound, inbound]
}
