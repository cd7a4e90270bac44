/** How far an answer may exceed what its request asks for before its peer is at fault. */
export const FORM_LIMITS = {
  /** Token ids and log probabilities beyond the bound: engines count the end of an answer either way. */
  spareTokens: 16,
  /** Longest text of a token: vocabularies have runs of 128 spaces and more. */
  bytesPerToken: 512,
  /** Roles, names of functions and the like. */
  spareBytes: 4_096,
  /** A token of an answer may be told in several pieces: of a call, of text that was held back. */
  piecesPerToken: 8,
  sparePieces: 64,
  /** Pieces and frames that carry nothing, of one answer: at one a second more than an hour of waiting. */
  maxEmptyPieces: 4_096,
} as const
