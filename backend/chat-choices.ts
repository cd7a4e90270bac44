import type { ChatChunk } from '../protocol/index.ts'
import type { BackendChunk } from './backend.ts'

export type ChatChoices = ChatChunk['choices']

/** What becomes of the next chunk of an answer: it is passed on, replaced, or held back (undefined). */
export type ReadChunk = (chunk: BackendChunk) => BackendChunk | undefined

/**
 * Replaces the choices of a chunk, if they are those of a chat, by what `read` makes of them. A chunk for which it
 * returns undefined is held back; one whose choices it returns as they are is passed on itself.
 */
export function withChoices(
  read: (choices: ChatChoices, chunk: BackendChunk) => ChatChoices | undefined,
): ReadChunk {
  return (chunk) => {
    const { json } = chunk
    if (!('object' in json) || json.object !== 'chat.completion.chunk') return chunk
    const choices = read(json.choices, chunk)
    if (choices === undefined) return undefined
    return choices === json.choices ? chunk : { ...chunk, json: { ...json, choices } }
  }
}
