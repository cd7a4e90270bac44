import { xsalsa20 } from '@noble/ciphers/salsa.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { XSalsa20Stream } from '../../../../host/protector/xsalsa20-stream.ts'

const key = Uint8Array.from({ length: 32 }, (_, at) => at)
const nonce = Uint8Array.from({ length: 24 }, (_, at) => 100 + at)

describe('a stream of XSalsa20', () => {
  it('is the same whatever the lengths of the pieces', async () => {
    const lengths = fc.array(fc.nat({ max: 200 }), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.property(lengths, (pieces) => {
        const total = pieces.reduce((sum, length) => sum + length, 0)
        const text = Uint8Array.from({ length: total }, (_, at) => at % 251)
        const stream = new XSalsa20Stream(key, nonce)
        let from = 0
        const ciphered = pieces.flatMap((length) => {
          from += length
          return [...stream.update(text.subarray(from - length, from))]
        })
        expect(ciphered).toEqual([...xsalsa20(key, nonce, text)])
      }),
    )
  })

  it('leaves its input as it was', () => {
    const text = new Uint8Array(100).fill(7)
    new XSalsa20Stream(key, nonce).update(text)
    expect(text).toEqual(new Uint8Array(100).fill(7))
  })

  it('goes on beside many others that take large pieces in turns', () => {
    const piece = new Uint8Array(70_000)
    const streams = Array.from({ length: 40 }, () => new XSalsa20Stream(key, nonce))
    for (let turn = 0; turn < 10; turn += 1) for (const stream of streams) stream.update(piece)
    const whole = xsalsa20(key, nonce, new Uint8Array(11 * piece.length))
    for (const stream of streams) {
      const last = Buffer.compare(stream.update(piece), whole.subarray(10 * piece.length))
      expect(last).toBe(0)
    }
  })
})
