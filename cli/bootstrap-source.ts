import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { InvalidArgumentError } from 'commander'

const EXPECTED =
  'It looks like /ip4/…/tcp/4801/p2p/12D3Koo…, /dnsaddr/NAME, @FILE, or https://…#12D3Koo….'

/** Checks the form of a bootstrap address, or of a list: `@FILE`, or a URL with the id of its signer. */
export function bootstrapSource(text: string): string {
  if (text.startsWith('@') && text.length > 1) return text
  if (/^https?:\/\//.test(text)) {
    try {
      signerOf(text)
      return text
    } catch {
      throw new InvalidArgumentError(
        'A list from the network must be signed: append the peer id of its signer to the URL, https://…#12D3Koo….',
      )
    }
  }
  let address: string
  try {
    address = multiaddr(text).toString()
  } catch {
    throw new InvalidArgumentError(EXPECTED)
  }
  if (/\/p2p\/[^/]+$/.test(address) || /^\/dnsaddr\/[^/]+$/.test(address)) return address
  throw new InvalidArgumentError(
    `a bootstrap address must end in /p2p/<peer id>, as \`skein bootstrap\` prints it: ${address}`,
  )
}

/** The peer whose key signs the list at this URL. @throws Error if the URL names no signer */
export function signerOf(url: string): PeerId {
  return peerIdFromString(new URL(url).hash.slice(1))
}

/** Whether the source is a list of addresses. */
export function isList(source: string): boolean {
  return source.startsWith('@') || /^https?:/.test(source)
}
