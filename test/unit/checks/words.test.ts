import { describe, expect, it } from 'vitest'
import { wordFaults } from '../../../checks/words.ts'

describe('the check of words', () => {
  it('names the line, the phrase and what to write', () => {
    expect(wordFaults('a.ts', '// fine\n// Whoever asks, limits that are none.')).toEqual([
      "a.ts:2: 'Whoever'; write name the peer, the caller or the operator",
      "a.ts:2: 'are none'; write 'is invalid', 'is absent', 'does not exist'",
    ])
  })

  it('finds words, not parts of identifiers', () => {
    expect(wordFaults('a.ts', 'const noneAnswered = isNobody(whoeverElse2)')).toEqual([])
    expect(wordFaults('a.ts', 'none of the peers are nonexistent; no onerous work')).toEqual([])
  })
})
