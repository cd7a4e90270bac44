import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createAdvertisementBook } from '../../../host/advertisement-book.ts'
import { createSigner, MODEL, type Signer, seal } from './advertisement-maker.ts'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000

describe('the advertisement book', () => {
  let self: Signer
  let node: Signer
  let other: Signer
  beforeAll(async () => {
    ;[self, node, other] = await Promise.all([createSigner(), createSigner(), createSigner()])
  })
  const openBook = (limits: { maxEntries?: number; maxPerSource?: number } = {}) => {
    const clock = { nowMs: NOW }
    return {
      clock,
      book: createAdvertisementBook({ self: self.peerId, now: () => clock.nowMs, ...limits }),
    }
  }

  it('keeps a verified advertisement and emits it once', async () => {
    const { book } = openBook()
    const listener = vi.fn()
    const unsubscribe = book.onUpdate(listener)
    const envelope = await seal(node, { issuedAtMs: NOW })
    await book.add(envelope)
    await book.add(envelope)
    expect(book.get(node.peerId)?.models[0]?.id).toBe('skein-tiny')
    expect(listener).toHaveBeenCalledTimes(1)
    unsubscribe()
    await book.add(await seal(node, { issuedAtMs: NOW + 1 }))
    expect(listener).toHaveBeenCalledTimes(1)
  })

  describe('for a signer whose clock is off', () => {
    const AHEAD = NOW + 2 * HOUR

    it('judges by lifetime if the signer tells its time, whichever way its clock is off', async () => {
      for (const theirNow of [AHEAD, NOW - 2 * HOUR]) {
        const { book, clock } = openBook()
        const envelope = await seal(node, { issuedAtMs: theirNow - HOUR / 4 })
        const signer = { source: node.peerId, expectedSigner: node.peerId }
        await book.take(envelope, { ...signer, signerNowMs: theirNow })
        const kept = book.get(node.peerId)
        expect(kept).toMatchObject({
          issuedAtMs: NOW - HOUR / 4,
          expiresAtMs: NOW + (3 * HOUR) / 4,
        })
        clock.nowMs = NOW + (3 * HOUR) / 4
        expect(book.fresh(other.peerId)).toEqual([])
      }
    })

    it('keeps one in force that its signer sends again after this clock was set', async () => {
      const { book, clock } = openBook()
      const envelope = await seal(node, { issuedAtMs: NOW })
      await book.take(envelope, { cached: 'met' })
      clock.nowMs = AHEAD
      await book.take(envelope, { source: other.peerId, signerNowMs: NOW })
      expect(book.get(node.peerId)?.expiresAtMs).toBe(NOW + HOUR)
      await book.take(envelope, { source: node.peerId, signerNowMs: NOW + HOUR / 4 })
      expect(book.get(node.peerId)?.expiresAtMs).toBe(AHEAD + (3 * HOUR) / 4)
      clock.nowMs += HOUR
      await book.take(envelope, { source: node.peerId, signerNowMs: NOW + HOUR })
      expect(book.get(node.peerId)?.expiresAtMs).toBe(AHEAD + (3 * HOUR) / 4)
    })

    it('gives an issue time in the future no longer life than one of now', async () => {
      const { book } = openBook()
      await book.add(await seal(node, { issuedAtMs: NOW + 200_000 }))
      expect(book.get(node.peerId)).toMatchObject({ issuedAtMs: NOW, expiresAtMs: NOW + HOUR })
    })

    it('takes a lower number from the signer itself once its clock is set right', async () => {
      const { book } = openBook()
      const signer = { source: node.peerId, expectedSigner: node.peerId }
      await book.take(await seal(node, { issuedAtMs: AHEAD }), { ...signer, signerNowMs: AHEAD })
      const models = [{ ...MODEL, id: 'new' }]
      const corrected = await seal(node, { issuedAtMs: NOW, models })
      await book.take(corrected, { source: other.peerId })
      expect(book.get(node.peerId)?.models[0]?.id).toBe('skein-tiny')
      await book.take(corrected, signer)
      expect(book.get(node.peerId)?.models[0]?.id).toBe('new')
    })

    it('refuses hearsay from the future', async () => {
      const { book } = openBook()
      const envelope = await seal(node, { issuedAtMs: AHEAD })
      await expect(book.take(envelope, { source: other.peerId })).rejects.toMatchObject({
        code: 'malformed',
      })
    })
  })

  it('refuses a forged one', async () => {
    const { book } = openBook()
    const envelope = await seal(node, { issuedAtMs: NOW })
    for (const index of [10, 60, envelope.length - 5]) {
      const forged = envelope.slice()
      forged[index] = (forged[index] ?? 0) ^ 1
      await expect(book.add(forged)).rejects.toMatchObject({ code: 'malformed' })
    }
    expect(book.all()).toEqual([])
  })

  it('refuses one signed by another peer than expected, known or not', async () => {
    const { book } = openBook()
    const envelope = await seal(node, { issuedAtMs: NOW })
    await expect(book.add(envelope, other.peerId)).rejects.toMatchObject({ code: 'malformed' })
    await book.add(envelope)
    await expect(book.add(envelope, other.peerId)).rejects.toMatchObject({ code: 'malformed' })
    expect(book.get(other.peerId)).toBeUndefined()
  })

  it('ignores replays of an older one, and another one of the same sequence number', async () => {
    const { book } = openBook()
    const older = await seal(node, { issuedAtMs: NOW - 1_000, slots: 7 })
    await book.add(await seal(node, { issuedAtMs: NOW, slots: 2 }))
    expect((await book.add(older)).slots).toBe(2)
    expect((await book.add(await seal(node, { issuedAtMs: NOW, slots: 9 }))).slots).toBe(2)
    expect(book.get(node.peerId)?.slots).toBe(2)
  })

  it('remembers a withdrawal against the replay of what was withdrawn', async () => {
    const { book } = openBook()
    const offered = await seal(node, { issuedAtMs: NOW - 1_000 })
    await book.add(offered)
    await book.add(await seal(node, { issuedAtMs: NOW, models: [] }))
    await book.add(offered)
    expect(book.get(node.peerId)?.models).toEqual([])
    expect(book.fresh(other.peerId)).toEqual([])
  })

  it('accepts expired ones from its own cache only, and does not share them', async () => {
    const { book } = openBook()
    const expired = await seal(node, { issuedAtMs: NOW - 2 * HOUR })
    await book.add(expired)
    expect(book.get(node.peerId)).toBeUndefined()
    await book.take(expired, { cached: 'met' })
    expect(book.get(node.peerId)).toBeDefined()
    expect(book.fresh(other.peerId)).toEqual([])
  })

  it('never replaces a fresh one by an expired one, whatever its sequence number', async () => {
    const { book } = openBook()
    await book.add(await seal(node, { issuedAtMs: NOW, slots: 2 }))
    await book.take(
      await seal(node, { issuedAtMs: NOW - 2 * HOUR, sequence: 2n ** 60n, slots: 9 }),
      {
        cached: 'met',
      },
    )
    expect(book.get(node.peerId)?.slots).toBe(2)
  })

  it('shares with a peer the advertisements of others, not its own', async () => {
    const { book } = openBook()
    const ofNode = await seal(node, { issuedAtMs: NOW })
    const ofOther = await seal(other, { issuedAtMs: NOW })
    await book.add(ofNode)
    await book.add(ofOther)
    expect(book.fresh(node.peerId)).toEqual([ofOther])
  })

  it('does not keep its own advertisement', async () => {
    const { book } = openBook()
    await book.add(await seal(self, { issuedAtMs: NOW }))
    expect(book.all()).toEqual([])
  })

  it('takes a bounded number from one source, but always the signer’s own advertisement', async () => {
    const { book } = openBook({ maxPerSource: 3 })
    const told = await Promise.all(Array.from({ length: 6 }, createSigner))
    for (const signer of told) {
      await book.take(await seal(signer, { issuedAtMs: NOW }), { source: other.peerId })
    }
    expect(book.all()).toHaveLength(3)
    await book.take(await seal(other, { issuedAtMs: NOW }), { source: other.peerId })
    expect(book.get(other.peerId)).toBeDefined()
  })

  it('evicts expired ones first, then hearsay, and keeps those of connected peers', async () => {
    const { book, clock } = openBook({ maxEntries: 3 })
    const [expired, hearsay, direct, late] = await Promise.all(
      Array.from({ length: 4 }, createSigner),
    )
    if (!expired || !hearsay || !direct || !late) throw new Error('no signers')
    await book.take(await seal(expired, { issuedAtMs: NOW, expiresAtMs: NOW + 1_000 }))
    await book.take(await seal(hearsay, { issuedAtMs: NOW }), { source: other.peerId })
    await book.take(await seal(direct, { issuedAtMs: NOW, expiresAtMs: NOW + 60_000 }))
    clock.nowMs += 2_000
    await book.take(await seal(late, { issuedAtMs: clock.nowMs }))
    expect(book.get(expired.peerId)).toBeUndefined()
    await book.take(await seal(node, { issuedAtMs: clock.nowMs }))
    expect(book.get(hearsay.peerId)).toBeUndefined()
    expect(book.get(direct.peerId)).toBeDefined()
    expect(book.all()).toHaveLength(3)
  })

  it('never evicts a peer that answered, however many others it meets', async () => {
    const { book } = openBook({ maxEntries: 4 })
    await book.take(await seal(node, { issuedAtMs: NOW - 60_000 }), { source: node.peerId })
    book.answered(node.peerId.toString())
    for (let i = 0; i < 12; i += 1) {
      const flood = await createSigner()
      await book.take(await seal(flood, { issuedAtMs: NOW + 200_000 }), { source: flood.peerId })
    }
    expect(book.acquaintance(node.peerId)).toBe('answered')
    expect(book.all()).toHaveLength(4)
  })

  it('evicts from the source with the most entries, whatever times they claim', async () => {
    const { book } = openBook({ maxEntries: 6 })
    const [honest, liar] = [await createSigner(), await createSigner()]
    const about = await createSigner()
    await book.take(await seal(about, { issuedAtMs: NOW - 60_000 }), { source: honest.peerId })
    for (let i = 0; i < 12; i += 1) {
      await book.take(await seal(await createSigner(), { issuedAtMs: NOW + 200_000 }), {
        source: liar.peerId,
      })
    }
    expect(book.acquaintance(about.peerId)).toBe('heard')
  })

  it('turns hearsay into an acquaintance once the signer itself sends it, and emits that', async () => {
    const { book } = openBook()
    const envelope = await seal(node, { issuedAtMs: NOW })
    await book.take(envelope, { source: other.peerId })
    expect(book.acquaintance(node.peerId)).toBe('heard')
    expect([book.fresh(self.peerId), book.hearsay(self.peerId)]).toEqual([[], [envelope]])
    const listener = vi.fn()
    book.onUpdate(listener)
    await book.take(envelope, { source: node.peerId, expectedSigner: node.peerId })
    expect(book.acquaintance(node.peerId)).toBe('met')
    expect(listener).toHaveBeenCalledTimes(1)
    const newer = await seal(node, { issuedAtMs: NOW + 1 })
    await book.take(newer, { source: other.peerId })
    expect(book.acquaintance(node.peerId)).toBe('met')
    expect(book.fresh(self.peerId)).toEqual([newer])
  })

  it('saves which peers were met and which answered, those first', async () => {
    const { book } = openBook()
    const third = await createSigner()
    await book.take(await seal(third, { issuedAtMs: NOW }), { source: self.peerId })
    await book.take(await seal(other, { issuedAtMs: NOW }), { source: other.peerId })
    await book.take(await seal(node, { issuedAtMs: NOW }), { source: node.peerId })
    book.answered(node.peerId.toString())
    const kept = book.kept()
    expect(kept.map(({ acquaintance }) => acquaintance)).toEqual(['answered', 'met', 'heard'])
    const { book: next } = openBook()
    for (const { envelope, acquaintance } of kept)
      await next.take(envelope, { cached: acquaintance })
    expect(next.kept()).toEqual(kept)
  })
})
