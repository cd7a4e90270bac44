import type { PeerId, PrivateKey } from '@libp2p/interface'
import { fromString } from 'uint8arrays/from-string'
import { toString as textOf } from 'uint8arrays/to-string'
import { InferenceError } from '../protocol/index.ts'
import { parseBootstrapAddress } from './typed-addresses.ts'

/** A list of bootstrap peers that an operator publishes. */
export interface BootstrapList {
  /** Multiaddrs that end in `/p2p/…`, or `/dnsaddr/…`. */
  readonly addresses: readonly string[]
  /** Milliseconds since 1970. A newer list replaces an older one. */
  readonly issuedAtMs: number
  readonly expiresAtMs: number
}

const FIRST_LINE = 'skein bootstrap list 1'
const DOMAIN = 'skein-bootstrap-list'
/** Longest text that is read: far above what the addresses take. */
export const MAX_BOOTSTRAP_LIST_BYTES = 32_768
const MAX_ADDRESSES = 64
/** A clock may be this far ahead of ours. */
const MAX_AHEAD_MS = 86_400_000

/** The list as text: a line for each date and address, then the signature over the lines before it. */
export async function sealBootstrapList(
  list: BootstrapList,
  privateKey: PrivateKey,
): Promise<string> {
  if (list.addresses.length === 0 || list.addresses.length > MAX_ADDRESSES)
    throw refuse(`it takes 1 to ${MAX_ADDRESSES} addresses`)
  for (const address of list.addresses) parseBootstrapAddress(address)
  const body = [
    FIRST_LINE,
    `issued ${new Date(list.issuedAtMs).toISOString()}`,
    `expires ${new Date(list.expiresAtMs).toISOString()}`,
    ...list.addresses,
    '',
  ].join('\n')
  const signature = await privateKey.sign(signed(body))
  return `${body}signature ${textOf(signature, 'base64url')}\n`
}

/**
 * Reads a list, and checks its signature and dates.
 *
 * @throws InferenceError `invalid_request` that says what is wrong with it
 */
export async function openBootstrapList(
  text: string,
  signer: PeerId,
  nowMs: number,
): Promise<BootstrapList> {
  const match = /^([\s\S]*\n)signature ([\w-]+)\s*$/.exec(text.replaceAll('\r\n', '\n'))
  const [, body = '', signature = ''] = match ?? []
  const [first, issued = '', expires = '', ...addresses] = body.trimEnd().split('\n')
  if (match === null || first !== FIRST_LINE) throw refuse('it is not a signed list')
  const key = signer.publicKey
  if (key === undefined) throw refuse('its key is not an Ed25519 peer id')
  const isGenuine = await key.verify(signed(body), fromString(signature, 'base64url'))
  if (!isGenuine) throw refuse(`it is not signed by ${signer.toString()}`)
  const issuedAtMs = dateOf(issued, 'issued')
  const expiresAtMs = dateOf(expires, 'expires')
  if (issuedAtMs > nowMs + MAX_AHEAD_MS) throw refuse('it is dated in the future')
  if (expiresAtMs <= nowMs) throw refuse(`it expired ${new Date(expiresAtMs).toISOString()}`)
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES)
    throw refuse(`it does not have 1 to ${MAX_ADDRESSES} addresses`)
  for (const address of addresses) parseBootstrapAddress(address)
  return { addresses, issuedAtMs, expiresAtMs }
}

function signed(body: string): Uint8Array {
  return fromString(`${DOMAIN}\0${body}`)
}

function dateOf(line: string, word: string): number {
  const time = line.startsWith(`${word} `) ? Date.parse(line.slice(word.length + 1)) : Number.NaN
  if (Number.isNaN(time)) throw refuse(`its line '${word}' is not a date`)
  return time
}

function refuse(why: string): InferenceError {
  return new InferenceError('invalid_request', `bad bootstrap list: ${why}`)
}
