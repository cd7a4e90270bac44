import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { InferenceError } from '../protocol/index.ts'
import { peerOf } from './bootstrap-dialer.ts'
import { isBootstrapName } from './bootstrap-names.ts'

/** @throws InferenceError `invalid_request` that says which address is wrong. */
export function parseAddress(text: string): Multiaddr {
  try {
    return multiaddr(text)
  } catch (cause) {
    throw new InferenceError('invalid_request', `'${text}' is not a valid multiaddr`, { cause })
  }
}

/** An address of a particular peer, or a `/dnsaddr` name of several. */
export function parseBootstrapAddress(text: string): Multiaddr {
  const address = parseAddress(text)
  return isBootstrapName(address) ? address : parsePeerAddress(text)
}

/** An address of a particular peer. */
function parsePeerAddress(text: string): Multiaddr {
  const address = parseAddress(text)
  try {
    peerOf(address)
  } catch (cause) {
    throw new InferenceError('invalid_request', `'${text}' does not end in /p2p/<peer id>`, {
      cause,
    })
  }
  return address
}
