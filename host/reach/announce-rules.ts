import { BlockList, isIP, isIPv4 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { InferenceError } from '../../protocol/index.ts'
import { withoutPeer } from '../without-peer.ts'

/** The operator's rules for addresses to announce. */
export interface AnnounceRules {
  /** Announced in addition to those that the host finds. */
  readonly typed: readonly Multiaddr[]
  /** Whether this address may be announced. */
  allows(address: Multiaddr): boolean
}

/** Beyond this an advertisement has no room for them. */
const MAX_TYPED = 8

/**
 * @param self peer id of this host
 * @throws InferenceError `invalid_request` that says which address or network is wrong, and how it should look
 */
export function announceRules(
  announce: readonly string[],
  noAnnounce: readonly string[],
  self: string,
): AnnounceRules {
  const typed = announce.map((text) => parseAnnounced(text, self))
  if (typed.length > MAX_TYPED)
    throw new InferenceError('invalid_request', `at most ${MAX_TYPED} addresses can be announced`)
  const hidden = new BlockList()
  for (const text of noAnnounce) addNetwork(hidden, text)
  return {
    typed,
    allows: (address) =>
      address
        .getComponents()
        .filter(({ name }) => name === 'ip4' || name === 'ip6')
        .every(({ name, value = '' }) => !hidden.check(value, name === 'ip4' ? 'ipv4' : 'ipv6')),
  }
}

const HOSTS = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
const UNSPECIFIED = new Set(['0.0.0.0', '::'])

/** An address for others to dial, without a peer id. */
function parseAnnounced(text: string, self: string): Multiaddr {
  const refuse = (why: string, cause?: unknown): InferenceError =>
    new InferenceError('invalid_request', `cannot announce '${text}': ${why}`, { cause })
  let address: Multiaddr
  try {
    address = multiaddr(text)
  } catch (cause) {
    throw refuse(
      'it should look like /ip4/203.0.113.7/tcp/4801 or /dns4/example.org/tcp/4801',
      cause,
    )
  }
  const [host, transport] = address.getComponents()
  if (host?.value === undefined || !HOSTS.has(host.name))
    throw refuse('it has to begin with /ip4, /ip6, /dns4, /dns6 or /dns')
  if (UNSPECIFIED.has(host.value))
    throw refuse('an unspecified address cannot be dialled: give the address of this host')
  if (transport?.name !== 'tcp' && transport?.name !== 'udp')
    throw refuse('it needs a port, as in /tcp/4801')
  if (Number(transport.value) === 0)
    throw refuse('port 0 cannot be dialled: give the forwarded port')
  const peer = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
  if (peer !== undefined && peer !== self)
    throw refuse(`it names another peer; this one is ${self}`)
  return multiaddr(withoutPeer(address))
}

/** Adds a network like `10.0.0.0/8`, or a single IP address. */
function addNetwork(list: BlockList, text: string): void {
  const [ip = '', length, ...rest] = text.trim().split('/')
  const most = isIPv4(ip) ? 32 : 128
  const prefix = length === undefined ? most : Number(length)
  const isPrefix = Number.isInteger(prefix) && prefix >= 0 && prefix <= most && length !== ''
  if (isIP(ip) === 0 || ip.includes('%') || rest.length > 0 || !isPrefix) {
    throw new InferenceError(
      'invalid_request',
      `'${text}' is not a network: it should look like 10.0.0.0/8 or fd00::/8`,
    )
  }
  list.addSubnet(ip, prefix, isIPv4(ip) ? 'ipv4' : 'ipv6')
}
