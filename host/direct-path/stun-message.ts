/** The header of a STUN message (RFC 8489). */
const HEADER_BYTES = 20
const BINDING_REQUEST = 0x0001
const BINDING_RESPONSE = 0x0101
const MAGIC_COOKIE = 0x2112_a442
const XOR_MAPPED_ADDRESS = 0x0020
const IPV4 = 0x01

/** A response with an IPv4 address and nothing else. */
export const STUN_RESPONSE_BYTES = 32

/**
 * The response to a binding request: the IPv4 socket that it came from. `undefined` for anything that is not exactly one
 * request, and for a request shorter than the response.
 *
 * @param from an IPv4 address in text, and a port
 */
export function bindingResponse(
  request: Uint8Array,
  from: { readonly address: string; readonly port: number },
): Uint8Array | undefined {
  if (request.length < STUN_RESPONSE_BYTES) return undefined
  const view = new DataView(request.buffer, request.byteOffset, request.byteLength)
  if (view.getUint16(0) !== BINDING_REQUEST) return undefined
  const length = view.getUint16(2)
  if (length % 4 !== 0 || HEADER_BYTES + length !== request.length) return undefined
  if (view.getUint32(4) !== MAGIC_COOKIE) return undefined
  const response = new Uint8Array(STUN_RESPONSE_BYTES)
  const out = new DataView(response.buffer)
  out.setUint16(0, BINDING_RESPONSE)
  out.setUint16(2, STUN_RESPONSE_BYTES - HEADER_BYTES)
  // The cookie and the transaction's id.
  response.set(request.subarray(4, HEADER_BYTES), 4)
  out.setUint16(20, XOR_MAPPED_ADDRESS)
  out.setUint16(22, 8)
  out.setUint8(25, IPV4)
  out.setUint16(26, from.port ^ (MAGIC_COOKIE >>> 16))
  out.setUint32(28, (numberOf(from.address) ^ MAGIC_COOKIE) >>> 0)
  return response
}

function numberOf(address: string): number {
  return address.split('.').reduce((all, part) => (all << 8) | Number(part), 0) >>> 0
}
