import { describe, expect, it } from 'vitest'
import { countersign, draftReceipt, openDraft, openReceipt } from '../../../protocol/index.ts'
import { bodyOf, NOW, party, receiptOf } from './receipts.ts'

describe('a receipt', () => {
  it('says what both signed', async () => {
    const [client, server] = [await party(), await party()]
    const receipt = await receiptOf(client, server, { inputTokens: 7, outputTokens: 9 })
    expect(receipt).toMatchObject({ inputTokens: 7, outputTokens: 9, sequence: 1 })
    expect(receipt.client.equals(client.id)).toBe(true)
    expect(receipt.beneficiary).toBe(server.id.toString())
  })

  it('is refused with any of its bytes changed', async () => {
    const { bytes } = await receiptOf(await party(), await party())
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      await expect(openReceipt(changed, NOW), `byte ${at}`).rejects.toMatchObject({
        code: 'malformed',
      })
    }
  })

  it('cannot be made by one side alone', async () => {
    const [client, server, thief] = [await party(), await party(), await party()]
    const draft = await draftReceipt(bodyOf(client, server), client.key)
    await expect(openReceipt(draft, NOW)).rejects.toMatchObject({ code: 'malformed' })
    const byThief = await countersign(draft, '', thief.key)
    await expect(openReceipt(byThief, NOW)).rejects.toMatchObject({ code: 'malformed' })
    const forged = await draftReceipt(bodyOf(client, server), thief.key)
    await expect(openDraft(forged, NOW)).rejects.toMatchObject({ code: 'malformed' })
  })

  it('gets its beneficiary from the server, and no other party can replace it', async () => {
    const [client, server, owner] = [await party(), await party(), await party()]
    const beneficiary = owner.id.toString()
    const receipt = await receiptOf(client, server, { beneficiary })
    expect(receipt.beneficiary).toBe(beneficiary)
    await expect(receiptOf(client, server, { beneficiary: 'me' })).rejects.toMatchObject({
      code: 'malformed',
    })
  })

  it.each([
    ['of one with itself', {}, true],
    ['from the future', { endedAtMs: NOW + 3_600_000 }, false],
    ['older than 14 days', { startedAtMs: 0, endedAtMs: NOW - 15 * 86_400_000 }, false],
    ['that ends before it starts', { startedAtMs: NOW, endedAtMs: NOW - 1 }, false],
    ['without a place in the chain', { sequence: 0 }, false],
    ['that follows nothing', { sequence: 2 }, false],
    ['of more tokens than can be', { outputTokens: 1e12 }, false],
    ['with a short nonce', { nonce: new Uint8Array(3) }, false],
  ])('%s is refused', async (_, more, withItself) => {
    const client = await party()
    const server = withItself ? client : await party()
    await expect(receiptOf(client, server, more)).rejects.toMatchObject({ code: 'malformed' })
  })
})
