import type { BackendModel } from '../../backend/index.ts'
import type { Usage } from '../../protocol/index.ts'

/** Bytes per token of a prompt not counted by an engine: English at common vocabularies. */
const BYTES_PER_TOKEN = 4

/** Progress of an attempt. */
export interface Progress {
  readonly bodyBytes: number
  /** Tokens of another peer's answer that this attempt resumes. */
  readonly resumedTokens: number
  readonly model: Pick<BackendModel, 'contextLength'>
  readonly sentTokens: number
  /** The engine's count, once it has finished. */
  readonly usage: Usage | undefined
  /** Whether the client left or the deadline passed. */
  readonly aborted: boolean
}

/**
 * Prompt and completion tokens that a client took of this node, as the engine counts them. Without the engine's count:
 * the tokens sent plus the prompt estimated from its bytes, up to the model's context; 0 if the engine failed before
 * its first token.
 */
export function tokensTaken(progress: Progress): number {
  const { bodyBytes, resumedTokens, model, sentTokens, usage, aborted } = progress
  if (usage !== undefined) return usage.promptTokens + usage.completionTokens
  if (sentTokens === 0 && !aborted) return 0
  const promptTokens = Math.ceil(bodyBytes / BYTES_PER_TOKEN) + resumedTokens
  const most = model.contextLength > 0 ? model.contextLength : Number.POSITIVE_INFINITY
  return Math.min(promptTokens, most) + sentTokens
}
