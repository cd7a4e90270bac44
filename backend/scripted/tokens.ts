/** Ids from here on are whole numbers, with and without a space before them; below are Unicode code points. */
const NUMBER_BASE = 0x11_00_00
const MAX_NUMBER = 999_999
const PIECES = / ?(?:0|[1-9]\d{0,5})(?!\d)|[\s\S]/gu

/** One more than the largest id. */
const VOCABULARY_SIZE = NUMBER_BASE + 2 * (MAX_NUMBER + 1)

/**
 * Splits text into tokens: a number with its leading space is one, any other character is one. The ids need no table,
 * so scripted engines in different processes share a vocabulary.
 */
export function encodeTokens(text: string): number[] {
  return Array.from(text.matchAll(PIECES), ([piece]) => {
    if (!/\d/.test(piece)) return piece.codePointAt(0) ?? 0
    return NUMBER_BASE + Number(piece) * 2 + (piece.startsWith(' ') ? 1 : 0)
  })
}

/** The text of which `encodeTokens` made these ids. */
export function decodeTokens(ids: readonly number[]): string {
  return ids.map(decodeToken).join('')
}

export function decodeToken(id: number): string {
  if (id < NUMBER_BASE) return String.fromCodePoint(id)
  const value = Math.floor((id - NUMBER_BASE) / 2)
  return (id - NUMBER_BASE) % 2 === 1 ? ` ${value}` : String(value)
}

export function isToken(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < VOCABULARY_SIZE
}
