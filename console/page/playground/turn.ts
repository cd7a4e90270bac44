export interface ChatSettings {
  /** As requests name it: an id, an alias, `auto`, or a chain. */
  readonly model: string
  readonly policy: string
  readonly temperature: number
  readonly maxTokens: number
}

export const DEFAULT_SETTINGS: ChatSettings = {
  model: '',
  policy: 'hedge',
  temperature: 0,
  maxTokens: 512,
}

/** A part of an answer that one attempt wrote. */
export interface Piece {
  readonly peerId: string
  readonly text: string
  /** Chunks, most of them tokens. */
  readonly chunks: number
  /** From the question to its first text and to its latest. */
  readonly fromMs: number
  readonly untilMs: number
}

export interface Turn {
  readonly prompt: string
  readonly pieces: readonly Piece[]
  readonly status: 'done' | 'running' | 'stopped'
  readonly error?: string
}

/** A chunk's text, and who wrote it. */
export type Written = Pick<Piece, 'peerId' | 'text'>
