import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CREDIT_HALF_LIFE_MS, ReceiptBook, SharedTrust } from '../../../ledger/index.ts'
import { Fairness, keepDebts } from '../../../node/admission/index.ts'
import type { Receipt } from '../../../protocol/index.ts'

const HOUR_MS = 3_600_000
const named = (name: string): PeerId => ({ toString: () => name }) as PeerId

describe('the debt ratio', () => {
  it.each([
    [0.95, true],
    [1.05, false],
  ])(
    'is %d for one that takes so many tokens an hour for each that it gives',
    (ratio, contributes) => {
      const clock = { nowMs: 1e12 }
      const now = () => clock.nowMs
      const book = new ReceiptBook(now)
      const trust = new SharedTrust(book, ['me'], now)
      const fairness = new Fairness({ given: (peer) => trust.given(peer), now })
      // Two weeks, with a node each hour: a pair's receipts are few.
      for (let hour = 1; hour <= 14 * 24; hour += 1) {
        clock.nowMs += HOUR_MS
        const hash = new Uint8Array(32)
        new DataView(hash.buffer).setUint32(0, hour)
        const receipt: Receipt = {
          ...{ client: named('me'), server: named(`node ${hour}`), beneficiary: 'owner' },
          ...{ sequence: 1, previousHash: new Uint8Array(), hash, nonce: hash, bytes: hash },
          ...{ specHash: hash, outputHash: hash, inputTokens: 500, outputTokens: 500 },
          ...{ startedAtMs: clock.nowMs, endedAtMs: clock.nowMs },
        }
        book.add(receipt)
        fairness.served('owner', 1_000 * ratio)
      }
      expect(fairness.debtRatio('owner')).toBeCloseTo(ratio, 3)
      expect(fairness.contributes('owner')).toBe(contributes)
    },
  )
})

describe('kept debts', () => {
  it('outlive the process, decay meanwhile, and are validated when read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'skein-debts-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const clock = { nowMs: 1e12 }
    const fairnessIn = async (): Promise<[Fairness, AsyncDisposable]> => {
      const fairness = new Fairness({ given: () => 1_000, now: () => clock.nowMs })
      return [fairness, await keepDebts(fairness, directory, () => {})]
    }
    const [first, kept] = await fairnessIn()
    first.served('taker', 1_600)
    first.served('gone', 1)
    await kept[Symbol.asyncDispose]()
    clock.nowMs += CREDIT_HALF_LIFE_MS
    const [second, keptAgain] = await fairnessIn()
    expect(second.taken('taker')).toBe(800)
    second.served('taker', 400)
    await keptAgain[Symbol.asyncDispose]()
    expect((await fairnessIn())[0].contributes('taker')).toBe(false)
    expect(JSON.parse(await readFile(join(directory, 'debts.json'), 'utf8'))).toHaveLength(1)

    await writeFile(join(directory, 'debts.json'), '[{"peer":"x","tokens":"many"},null,7]')
    expect((await fairnessIn())[0].debts()).toEqual([])
    await writeFile(join(directory, 'debts.json'), '[{"peer":"x","tok')
    expect((await fairnessIn())[0].debts()).toEqual([])
    const ahead = { peer: 'x', tokens: 5, atMs: clock.nowMs + 40 * CREDIT_HALF_LIFE_MS }
    await writeFile(join(directory, 'debts.json'), JSON.stringify([ahead]))
    expect((await fairnessIn())[0].taken('x')).toBe(5)
  })
})
