import { describe, expect, it } from 'vitest'
import { bindingResponse, STUN_RESPONSE_BYTES } from '../../../../host/direct-path/stun-message.ts'

/** A binding request as libjuice sends it: a SOFTWARE and a FINGERPRINT attribute. */
const REQUEST = Buffer.from(
  '000100142112a44230326d354459b60e1d5d0041802200086c69626a756963658028000485e1f111',
  'hex',
)
const FROM = { address: '44.0.0.1', port: 33_510 }

function changed(at: number, value: number): Uint8Array {
  const copy = new Uint8Array(REQUEST)
  copy[at] = value
  return copy
}

describe('bindingResponse', () => {
  it('names the socket of the request, and repeats its transaction', () => {
    const response = Buffer.from(bindingResponse(REQUEST, FROM) ?? [])
    expect(response.readUInt16BE(0)).toBe(0x0101)
    expect(response.readUInt16BE(2)).toBe(12)
    expect(response.subarray(4, 20)).toEqual(REQUEST.subarray(4, 20))
    expect(response.readUInt16BE(20)).toBe(0x0020)
    expect(response.readUInt16BE(26) ^ 0x2112).toBe(33_510)
    const ip = [28, 29, 30, 31].map((at) => (response[at] ?? 0) ^ (response[at - 24] ?? 0))
    expect(ip.join('.')).toBe('44.0.0.1')
  })

  it('is correct for addresses with the highest bit set', () => {
    const response = Buffer.from(
      bindingResponse(REQUEST, { address: '203.255.128.254', port: 65_535 }) ?? [],
    )
    const ip = [28, 29, 30, 31].map((at) => (response[at] ?? 0) ^ (response[at - 24] ?? 0))
    expect(ip.join('.')).toBe('203.255.128.254')
    expect(response.readUInt16BE(26) ^ 0x2112).toBe(65_535)
  })

  it('is never longer than the request', () => {
    for (let length = 0; length <= REQUEST.length; length += 1) {
      const cut = new Uint8Array(REQUEST.subarray(0, length))
      if (length >= 4) new DataView(cut.buffer).setUint16(2, Math.max(0, length - 20))
      const response = bindingResponse(cut, FROM)
      expect(response?.length ?? 0).toBeLessThanOrEqual(length)
    }
    expect(bindingResponse(REQUEST, FROM)).toHaveLength(STUN_RESPONSE_BYTES)
  })

  it.each([
    ['another kind of message', changed(1, 0x11)],
    ['a response, as another server sends it', changed(0, 0x01)],
    ['another cookie', changed(4, 0)],
    ['a length that is not its own', changed(3, 0x10)],
    ['more than one message', Buffer.concat([REQUEST, REQUEST])],
    ['text', Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n')],
  ])('is absent for %s', (_, bytes) => {
    expect(bindingResponse(bytes, FROM)).toBeUndefined()
  })
})
