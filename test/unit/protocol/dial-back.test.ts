import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import {
  decodeDialBackNonce,
  decodeDialBackRequest,
  decodeDialBackResponse,
  encodeDialBackNonce,
  encodeDialBackRequest,
  encodeDialBackResponse,
  LIMITS,
  MAX_DIAL_BACK_REQUEST_BYTES,
} from '../../../protocol/index.ts'

const target = { address: multiaddr('/ip4/44.0.0.2/tcp/4801'), nonce: new Uint8Array(16).fill(7) }
const targets = (count: number) => Array.from({ length: count }, () => target)

describe('dial-back messages', () => {
  it('survive a round trip', () => {
    const request = encodeDialBackRequest(targets(2))
    const [first, second] = decodeDialBackRequest(request)
    expect(first?.address.equals(target.address)).toBe(true)
    expect(second?.nonce).toEqual(target.nonce)
    const outcomes = ['reached', 'timeout', 'refused', 'other_peer'] as const
    expect(decodeDialBackResponse(encodeDialBackResponse(outcomes), 4)).toEqual(outcomes)
    expect(decodeDialBackNonce(encodeDialBackNonce(target.nonce))).toEqual(target.nonce)
  })

  it('are padded, and fit into a frame with the maximum number of targets', () => {
    const request = encodeDialBackRequest(targets(LIMITS.maxDialBackTargets))
    expect(request.length).toBeGreaterThan(
      LIMITS.maxDialBackTargets * LIMITS.dialBackBytesPerTarget,
    )
    expect(request.length).toBeLessThan(MAX_DIAL_BACK_REQUEST_BYTES)
  })

  it.each([
    ['no target', encodeDialBackRequest([])],
    ['too many', encodeDialBackRequest(targets(LIMITS.maxDialBackTargets + 1))],
    ['no padding', encodeDialBackRequest(targets(1)).subarray(0, 40)],
    ['a short nonce', encodeDialBackRequest([{ ...target, nonce: new Uint8Array(3) }])],
    ['garbage', new Uint8Array(2_000).fill(255)],
  ])('are malformed with %s', (_, bytes) => {
    expect(() => decodeDialBackRequest(bytes)).toThrow('malformed')
  })

  it('are malformed with outcomes of other targets', () => {
    expect(() => decodeDialBackResponse(encodeDialBackResponse(['reached']), 2)).toThrow(
      'malformed',
    )
  })
})
