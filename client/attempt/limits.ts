/** How far an answer may exceed what its request asks for before its peer is at fault. */
export const FORM_LIMITS = {
  /** Token ids and log probabilities beyond the bound: engines count the end of an answer either way. */
  spareTokens: 16,
  /** Longest text of a token: vocabularies have runs of 128 spaces and more. */
  bytesPerToken: 512,
  /** Roles, function names and similar text. */
  spareBytes: 4_096,
  /** One token may arrive in several pieces: of a tool call, or of text that was held back. */
  piecesPerToken: 8,
  sparePieces: 64,
  /** Characters of JSON in one answer or call: a model writes a few for each token. */
  maxJsonLength: 4_194_304,
  /** Values of such JSON, names of fields included. Far more than an answer has tokens for, and cheap to check. */
  maxJsonValues: 65_536,
  /** Empty pieces and frames in one answer: at one per second, more than an hour of waiting. */
  maxEmptyPieces: 4_096,
} as const
