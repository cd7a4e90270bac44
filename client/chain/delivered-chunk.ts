import type { AnswerEvent, DeliveredChunk } from '../request/index.ts'

/** What is kept of a delivered chunk, so that another member can continue after it. */
export function deliveredChunk({
  chunk,
  candidate,
  tokenIds,
  afterText = false,
}: Extract<AnswerEvent, { type: 'chunk' }>): DeliveredChunk {
  const model = candidate?.model
  const hasIds = model?.capabilities.includes('token_ids') === true && !afterText
  return {
    chunk,
    digest: model?.digest ?? '',
    ...(hasIds && tokenIds !== undefined && { tokenIds }),
  }
}
