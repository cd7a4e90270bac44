import type { BackendModel } from '../../backend/index.ts'
import type { Usage } from '../../protocol/index.ts'

/** Of a prompt that no engine has counted: English at common vocabularies. */
const BYTES_PER_TOKEN = 4

/** How far an attempt came. */
export interface Progress {
  readonly bodyBytes: number
  /** Tokens of another's answer that it goes on with. */
  readonly resumedTokens: number
  readonly model: Pick<BackendModel, 'contextLength'>
  readonly sentTokens: number
  /** As the engine counted, once it came to its end. */
  readonly usage: Usage | undefined
  /** Whether the client left, or its time passed. */
  readonly aborted: boolean
}

/**
 * Tokens that a client has had of this node: read and written, as the engine counts. Before it has counted, those that
 * were sent and the prompt by its bytes, up to the model's context; nothing of an engine that failed before its first
 * token.
 */
export function tokensTaken(progress: Progress): number {
  const { bodyBytes, resumedTokens, model, sentTokens, usage, aborted } = progress
  if (usage !== undefined) return usage.promptTokens + usage.completionTokens
  if (sentTokens === 0 && !aborted) return 0
  const promptTokens = Math.ceil(bodyBytes / BYTES_PER_TOKEN) + resumedTokens
  const most = model.contextLength > 0 ? model.contextLength : Number.POSITIVE_INFINITY
  return Math.min(promptTokens, most) + sentTokens
}
