import { describe, expect, it } from 'vitest'
import { heldKey, Keyring } from '../../../../host/members/keyring.ts'
import { type Rotation, secretDigest } from '../../../../protocol/index.ts'

const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const [A, B, C] = [secret(1), secret(2), secret(3)]
const rotation = async (
  number: number,
  of: Uint8Array,
  oldUntilMs = number + 100,
): Promise<Rotation> => ({ number, digest: await secretDigest(of), oldUntilMs, heads: [] })

async function ringOf(first: Uint8Array): Promise<Keyring> {
  return new Keyring([await heldKey(first)])
}

describe('a keyring', () => {
  it('takes a key that a rotation names, and accepts the older one until its deadline', async () => {
    const ring = await ringOf(A)
    const rotations = [await rotation(1_000, B)]
    expect(ring.offer(await heldKey(B), rotations)).toBe(true)
    expect(ring.current.number).toBe(1_000)
    expect(ring.accepted(1_100)).toEqual([B, A])
    expect(ring.accepted(1_101)).toEqual([B])
    ring.prune(1_101)
    expect(ring.keys.map(({ secret: kept }) => kept)).toEqual([B])
  })

  it('takes no key without a rotation, and none of an older rotation', async () => {
    const ring = await ringOf(A)
    const [first, second] = [await rotation(1_000, B), await rotation(2_000, C)]
    expect(ring.offer(await heldKey(B), [])).toBe(false)
    ring.offer(await heldKey(C), [first, second])
    // A replayed list, and the key that it names.
    expect(ring.offer(await heldKey(B), [first, second])).toBe(false)
    expect(ring.offer(await heldKey(B), [first])).toBe(false)
    expect(ring.follow([first])).toBe(false)
    expect(ring.current.secret).toEqual(C)
    expect(ring.accepted(5_000)).toEqual([C])
  })

  it('never moves a deadline back', async () => {
    const ring = await ringOf(A)
    ring.offer(await heldKey(B), [await rotation(1_000, B, 1_050)])
    ring.offer(await heldKey(C), [await rotation(1_010, C, 9_000)])
    expect(ring.accepted(1_050)).toEqual([C, B, A])
    expect(ring.accepted(1_051)).toEqual([C, B])
    expect(ring.accepted(9_001)).toEqual([C])
  })

  it('knows the number of the key of an invite once it knows the rotation', async () => {
    const ring = await ringOf(B)
    expect(ring.follow([await rotation(1_000, B)])).toBe(true)
    expect(ring.current.number).toBe(1_000)
    expect(ring.follow([await rotation(1_000, B)])).toBe(false)
  })

  it('tries the key of a new invite, and takes it once a list names it', async () => {
    const ring = await ringOf(A)
    expect(ring.invited(await heldKey(B), 5_000)).toBe(true)
    expect(ring.invited(await heldKey(B), 5_000)).toBe(false)
    expect(ring.current.secret).toEqual(A)
    // Peers that give no hint know the oldest key.
    expect(ring.accepted(4_000)).toEqual([A, B, A])
    expect(ring.accepted(5_001)).toEqual([A])
    expect(ring.follow([await rotation(1_000, B)])).toBe(true)
    expect(ring.current).toEqual({ ...(await heldKey(B)), number: 1_000 })
    expect(ring.accepted(6_000)).toEqual([B])
  })

  it('tries the last invite only, and forgets it after its time', async () => {
    const ring = await ringOf(A)
    ring.invited(await heldKey(B), 5_000)
    ring.invited(await heldKey(C), 5_000)
    expect(ring.accepted(1)).toEqual([A, C, A])
    ring.prune(5_001)
    expect(ring.keys.map(({ secret: kept }) => kept)).toEqual([A])
    expect(ring.retired).toEqual([])
  })

  it('takes a key that was replaced from no invite, also after its overlap', async () => {
    const ring = await ringOf(A)
    const rotations = [await rotation(1_000, B)]
    ring.offer(await heldKey(B), rotations)
    expect(ring.invited(await heldKey(A), 9_000)).toBe(false)
    ring.prune(1_101)
    expect(ring.invited(await heldKey(A), 9_000)).toBe(false)
    const restarted = new Keyring(ring.keys, ring.retired)
    expect(restarted.invited(await heldKey(A), 9_000)).toBe(false)
    expect(restarted.merge([await heldKey(A)])).toBe(false)
    expect(restarted.accepted(9_000)).toEqual([B])
  })

  it.each([
    ['during', 1_050],
    ['after', 1_101],
  ])('moves no replaced key up when a list names it again %s the overlap', async (_, nowMs) => {
    const ring = await ringOf(A)
    const first = await rotation(1_000, B)
    ring.offer(await heldKey(B), [first])
    ring.prune(nowMs)
    const again = [first, await rotation(1_001, A, 1_001)]
    expect(ring.follow(again)).toBe(false)
    expect(ring.offer(await heldKey(A), again)).toBe(false)
    expect(ring.current.secret).toEqual(B)
    expect(ring.accepted(9_000)).toEqual([B])
  })

  it('gives the current key no other number when a list names it again', async () => {
    const ring = await ringOf(A)
    ring.offer(await heldKey(B), [await rotation(1_000, B)])
    expect(ring.follow([await rotation(5_000, B), await rotation(1_000, B)])).toBe(false)
    expect(ring.current.number).toBe(1_000)
  })

  it('lets a key go whose number is far ahead when a later one is offered', async () => {
    const ring = await ringOf(A)
    ring.offer(await heldKey(B), [await rotation(900_000, B)])
    const rotations = [await rotation(1_000, C)]
    expect(ring.offer(await heldKey(C), rotations, 2_000)).toBe(true)
    expect(ring.current.secret).toEqual(C)
    expect(ring.accepted(1_100)).toEqual([C, A])
    expect(ring.accepted(1_101)).toEqual([C])
  })

  it('merges what another process wrote', async () => {
    const ring = await ringOf(A)
    const other = await ringOf(A)
    other.offer(await heldKey(B), [await rotation(1_000, B)])
    expect(ring.merge(other.keys)).toBe(true)
    expect(ring.keys).toEqual(other.keys)
    expect(ring.merge(other.keys)).toBe(false)
  })

  it('keeps a bounded number of keys', async () => {
    const ring = await ringOf(A)
    for (let number = 1; number <= 20; number += 1) {
      const of = secret(number + 10)
      ring.offer(await heldKey(of), [await rotation(number, of, 9_000)])
    }
    expect(ring.keys).toHaveLength(8)
    expect(ring.current.number).toBe(20)
  })
})
