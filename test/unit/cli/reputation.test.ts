import { describe, expect, it } from 'vitest'
import { explained, renderStandings } from '../../../cli/commands/reputation.ts'
import type { StandingReport } from '../../../client/index.ts'

const HOSTILE: StandingReport = {
  peer: '12D3\u001b[31mKoo\u009b2J',
  spec: 'model\u001b]0;title\u0007\nSTATE proven/',
  state: 'suspect',
  quality: 0.5,
  audits: 3,
  consecutiveValid: 0,
  strikes: 1,
  auditRate: 1,
  words: '1 failed audits not yet forgiven',
}

describe('a standing on a terminal', () => {
  it('has nothing of a peer’s words but plain text, each on its line', () => {
    const shown = [explained(HOSTILE), renderStandings([HOSTILE])]
    for (const text of shown) {
      expect(text.replaceAll('\n', '')).toMatch(/^\P{Cc}*$/u)
      expect(text).toContain('12D3Koo')
    }
    expect(shown[0]).toContain('  as model STATE proven/\n')
  })
})
