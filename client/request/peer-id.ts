import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'

/** Undefined for anything but a peer id as text. */
export function parsePeerId(text: unknown): PeerId | undefined {
  if (typeof text !== 'string') return undefined
  try {
    return peerIdFromString(text)
  } catch {
    return undefined
  }
}
