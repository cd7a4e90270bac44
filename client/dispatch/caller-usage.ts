import { LIMITS, type Usage } from '../../protocol/index.ts'
import { UNSEEN_TOKENS } from '../request/index.ts'
import type { Transcript } from './transcript.ts'

/**
 * The caller's usage: the prompt once, and the completion that was delivered. A peer's count is capped by what it sent:
 * the number of token ids, or of bytes if it sent no ids.
 *
 * @param reported the usage that the peer reported when it ended the answer; absent if the client ended it
 * @param about `tokensBefore`: tokens of the answer before that peer's part; `shownBytes`: bytes of all visible output
 * delivered
 */
export function callerUsage(
  reported: Usage | undefined,
  transcript: Pick<Transcript, 'tokenIds' | 'tokens'>,
  about: {
    readonly tokensBefore: number
    readonly shownBytes: number
    readonly estimatedPromptTokens: number
  },
): Usage {
  const { tokensBefore, shownBytes, estimatedPromptTokens } = about
  if (reported === undefined) {
    return {
      promptTokens: estimatedPromptTokens,
      completionTokens: transcript.tokens,
      cachedPromptTokens: 0,
    }
  }
  const evidence = (transcript.tokenIds?.length ?? shownBytes) + UNSEEN_TOKENS
  const completionTokens = Math.min(
    tokensBefore + reported.completionTokens,
    evidence,
    LIMITS.maxTokenIds,
  )
  return { ...reported, completionTokens }
}
