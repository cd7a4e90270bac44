import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GatheredBytes } from '../../../../gateway/http/index.ts'

const pieces = fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 20 })

it('gathers the bytes of all pieces, and keeps none of them alive', () => {
  fc.assert(
    fc.property(pieces, fc.boolean(), (all, isAnnounced) => {
      const whole = Buffer.concat(all)
      const gathered = new GatheredBytes(isAnnounced ? whole.length : undefined)
      for (const piece of all) {
        gathered.add(piece)
        // The socket's buffer may be used again.
        piece.fill(0)
      }
      expect(Buffer.from(gathered.bytes).equals(whole)).toBe(true)
      const room = gathered.bytes.buffer.byteLength
      expect(room).toBeLessThanOrEqual(isAnnounced ? whole.length : 2 * whole.length + 4_096)
    }),
  )
})

it('takes no memory for bytes that are announced and do not come', () => {
  const gathered = new GatheredBytes(16_777_216)
  gathered.add(Uint8Array.of(1))
  expect(gathered.bytes.buffer.byteLength).toBeLessThan(65_536)
})
