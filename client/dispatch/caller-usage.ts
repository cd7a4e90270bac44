import { LIMITS, type Usage } from '../../protocol/index.ts'
import { UNSEEN_TOKENS } from '../request/index.ts'
import type { Transcript } from './transcript.ts'

/**
 * The caller's usage: the prompt once, and the completion that was delivered. A peer's count is believed as far as what
 * it sent bears it out: there are no more tokens than ids, or than bytes where it gives no ids.
 *
 * @param told by the peer that ended the answer; absent where the client ended it
 * @param tokensBefore those of the answer that came before that peer's part
 * @param about `shownBytes`: of everything visible that was delivered
 */
export function callerUsage(
  told: Usage | undefined,
  transcript: Pick<Transcript, 'tokenIds' | 'tokens'>,
  about: {
    readonly tokensBefore: number
    readonly shownBytes: number
    readonly estimatedPromptTokens: number
  },
): Usage {
  const { tokensBefore, shownBytes, estimatedPromptTokens } = about
  if (told === undefined) {
    return {
      promptTokens: estimatedPromptTokens,
      completionTokens: transcript.tokens,
      cachedPromptTokens: 0,
    }
  }
  const evidence = (transcript.tokenIds?.length ?? shownBytes) + UNSEEN_TOKENS
  const completionTokens = Math.min(
    tokensBefore + told.completionTokens,
    evidence,
    LIMITS.maxTokenIds,
  )
  return { ...told, completionTokens }
}
