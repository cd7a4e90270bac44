import { describe, expect, it } from 'vitest'
import { pieceColours } from '../../../cli/piece-colours.ts'

const terminal = { style: (format: unknown, text: string) => `<${String(format)}>${text}` }

describe('the pieces of an answer on a terminal', () => {
  it('are coloured by the peers that continue, the same peer alike', () => {
    const show = pieceColours(terminal, {})
    const shown = ['a', 'b', 'c', 'b', 'a'].map((peer) => show('x', peer))
    expect(shown).toEqual(['x', '<cyan>x', '<magenta>x', '<cyan>x', 'x'])
  })

  it('repeat colours, and never fail, with many peers', () => {
    const show = pieceColours(terminal, {})
    const peers = Array.from({ length: 12 }, (_, index) => `peer-${index}`)
    expect(peers.map((peer) => show('x', peer)).filter((text) => text === 'x')).toHaveLength(1)
  })

  it('have no colour with --plain', () => {
    const show = pieceColours(terminal, { plain: true })
    expect([show('x', 'a'), show('x', 'b')]).toEqual(['x', 'x'])
  })
})
