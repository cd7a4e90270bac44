import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** Of the second writer of an answer, the third, and so on. */
const COLOURS = ['cyan', 'magenta', 'yellow', 'green', 'blue'] as const

export interface PieceOptions {
  readonly plain?: boolean
}

export function withPieceOptions(command: Command): Command {
  return command.option(
    '--plain',
    'do not colour the pieces of an answer by the peer that wrote them',
  )
}

/**
 * Shows who wrote each piece: what the first peer of an answer writes has the terminal's own colour, and each peer that
 * continues has another. Unchanged where the terminal has no colours.
 */
export function pieceColours(
  terminal: Pick<Terminal, 'style'>,
  { plain }: PieceOptions,
): (piece: string, peerId: string) => string {
  const writers: string[] = []
  return (piece, peerId) => {
    if (plain === true) return piece
    if (!writers.includes(peerId)) writers.push(peerId)
    const index = writers.indexOf(peerId)
    const colour = COLOURS[(index - 1) % COLOURS.length]
    return index === 0 || colour === undefined ? piece : terminal.style(colour, piece)
  }
}
