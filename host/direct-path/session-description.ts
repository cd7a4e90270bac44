import { Buffer } from 'node:buffer'
import { isIP } from 'node:net'
import type { DirectPathCandidate, DirectPathSide } from '../../protocol/index.ts'
import { DIRECT_PATH } from './limits.ts'

/** One side of a direct path, without the evidence of where it is. */
export type LinkSide = Omit<DirectPathSide, 'sightings'>

/** Type preference of a reflexive candidate (RFC 8445). */
const PRIORITY = 1_678_769_919

/**
 * The session description of a peer, without its sockets. Nothing in it is the peer's own text: user, password and digits
 * of the fingerprint were checked.
 */
export function descriptionOf(side: LinkSide, type: 'offer' | 'answer'): string {
  const { iceUser, icePassword, fingerprint } = side
  const digits = Buffer.from(fingerprint).toString('hex').toUpperCase().match(/../g) ?? []
  return [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    `a=fingerprint:sha-256 ${digits.join(':')}`,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendrecv',
    'a=sctp-port:5000',
    `a=max-message-size:${DIRECT_PATH.maxMessageSize}`,
    `a=setup:${type === 'offer' ? 'actpass' : 'active'}`,
    `a=ice-ufrag:${iceUser}`,
    `a=ice-pwd:${icePassword}`,
    '',
  ].join('\r\n')
}

/** A socket of a peer, as the library takes it. */
export function candidateLine({ ip, port }: DirectPathCandidate): string {
  return `a=candidate:1 1 UDP ${PRIORITY} ${ip} ${port} typ srflx raddr 0.0.0.0 rport 0`
}

/** Reads a session description that the library on this machine made. @throws Error if something is missing */
export function sideIn(description: string): LinkSide {
  const lines = description.split(/\r?\n/)
  const attribute = (name: string): string => {
    const line = lines.find((text) => text.startsWith(`a=${name}:`))
    if (line === undefined) throw new Error(`the session description has no ${name}`)
    return line.slice(name.length + 3)
  }
  return {
    iceUser: attribute('ice-ufrag'),
    icePassword: attribute('ice-pwd'),
    fingerprint: new Uint8Array(
      Buffer.from(attribute('fingerprint').replace(/^sha-256 |:/g, ''), 'hex'),
    ),
    candidates: lines.flatMap((line) => candidateIn(line) ?? []),
  }
}

/** The socket of an `a=candidate` line over UDP. */
function candidateIn(line: string): DirectPathCandidate | undefined {
  const [, , protocol = '', , ip = '', port = ''] = line.split(' ')
  if (!line.startsWith('a=candidate:') || protocol.toUpperCase() !== 'UDP') return undefined
  return isIP(ip) === 0 ? undefined : { ip, port: Number(port) }
}
