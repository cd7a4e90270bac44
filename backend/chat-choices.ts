import type { ChatChunk } from '../protocol/index.ts'
import type { BackendChunk } from './backend.ts'

export type ChatChoices = ChatChunk['choices']

/**
 * Chunks whose choices, if they are those of a chat, are replaced by what `read` makes of them. A chunk for which it
 * returns undefined is held back; one whose choices it returns as they are is passed on itself.
 */
export async function* withChoices(
  chunks: AsyncIterable<BackendChunk>,
  read: (choices: ChatChoices, chunk: BackendChunk) => ChatChoices | undefined,
): AsyncGenerator<BackendChunk> {
  for await (const chunk of chunks) {
    const { json } = chunk
    if (!('object' in json) || json.object !== 'chat.completion.chunk') {
      yield chunk
      continue
    }
    const choices = read(json.choices, chunk)
    if (choices === json.choices) yield chunk
    else if (choices !== undefined) yield { ...chunk, json: { ...json, choices } }
  }
}
