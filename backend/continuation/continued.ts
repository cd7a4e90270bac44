import { InferenceError } from '../../protocol/index.ts'
import { type ReadChunk, withChoices } from '../chat-choices.ts'
import { RepeatedStart, type RepeatedStartInit } from './repeated-start.ts'

/**
 * Reads the chunks of a chat answer that an API continues, without a repetition of its beginning.
 *
 * @throws InferenceError `not_resumable`, or `engine_failed` after a beginning of the caller's own, if the answer was begun anew
 */
export function continued(init: RepeatedStartInit): ReadChunk {
  const start = new RepeatedStart(init)
  return withChoices((sent) => {
    const choices = sent.map((choice) => {
      const { content, reasoning_content: thought, tool_calls: calls = [] } = choice.delta
      // Thoughts precede an answer, and this one has text already.
      if (!init.isCallers && (thought ?? '') !== '') {
        throw new InferenceError('not_resumable', 'the API thinks anew instead of continuing')
      }
      const isLast = choice.finish_reason !== null || calls.length > 0
      const text = start.pass(content ?? '') + (isLast ? start.rest() : '')
      return {
        ...choice,
        delta: { ...choice.delta, ...(text !== (content ?? '') && { content: text }) },
      }
    })
    const isHeld = choices.every(
      ({ delta: { role: _, content, ...others }, finish_reason: finish }) =>
        finish === null && content === '' && Object.keys(others).length === 0,
    )
    return isHeld ? undefined : choices
  })
}
