import { describe, expect, it } from 'vitest'
import { verdictWords } from '../../../../cli/explain/index.ts'
import type { AuditReport } from '../../../../client/index.ts'

const id = (letter: string): string => `12D3KooW${letter.repeat(44)}`

function part(over: Partial<AuditReport> = {}): AuditReport {
  return {
    ...{ peerId: id('a'), outcome: 'passed', by: [id('b'), id('c')], asked: 2 },
    ...{ positions: 48, misses: 1, hardMisses: 0, meanMargin: 0.01, logRatio: -1, tokens: 96 },
    ...over,
  }
}

describe('a verdict in words', () => {
  it('lists raters, findings and cost', () => {
    expect(verdictWords({ status: 'passed', parts: [part()] })).toEqual([
      'passed; 96 tokens read for it',
      '…aaaaaa: 48 tokens, 1 not its first choice, 0 impossible, by …bbbbbb and …cccccc',
    ])
  })

  it('names the own engine', () => {
    const [, words] = verdictWords({ status: 'passed', parts: [part({ by: ['self'] })] })
    expect(words).toMatch(/by your own engine$/)
  })

  it('says why an answer could not be rated', () => {
    const unasked = part({ outcome: 'inconclusive', by: [], asked: 0, tokens: 0 })
    const parts = [unasked]
    expect(verdictWords({ status: 'unverified', why: 'no-scorer', parts })).toEqual([
      'not verified: no other peer has the same weights and may see it',
    ])
    expect(verdictWords({ status: 'unverified', why: 'request', parts: [] })).toHaveLength(1)
  })

  it('tells what needed no scorer, with nothing in it that steers a terminal', () => {
    const finding = 'it counts 3\u001b[2J tokens'
    const failed = part({ outcome: 'failed', finding, by: ['self'], tokens: 0 })
    const words = verdictWords({ status: 'failed', parts: [failed] })
    expect(words[0]).toBe('failed')
    expect(words[1]).toMatch(/^…aaaaaa: it counts 3.* tokens$/)
    expect(words.join('')).not.toContain('\u001b')
  })
})
