import type { Requester } from '../pipeline/index.ts'
import { choicesOf } from './choices.ts'
import { manyInputs, shardedEmbeddings } from './sharded-embeddings.ts'
import type { SplitContext } from './split-call.ts'
import { streamedChoices } from './streamed-choices.ts'
import { wholeChoices } from './whole-choices.ts'

/**
 * Wraps a requester: `n` choices, lists of prompts and many inputs become several requests, spread over peers. Other calls
 * are passed on unchanged.
 */
export function splitRequests(
  requester: Requester,
  init: Omit<SplitContext, 'requester'>,
): Pick<Requester, 'chat' | 'complete' | 'embed' | 'streamChat' | 'streamCompletion'> {
  const context: SplitContext = { ...init, requester }
  return {
    async chat(body, options = {}) {
      const choices = choicesOf('chat', body)
      if (choices === undefined) return await requester.chat(body, options)
      const ask: Requester['chat'] = (one, own) => requester.chat(one, own)
      return await wholeChoices(context, choices, ask, { body, options })
    },
    async complete(body, options = {}) {
      const choices = choicesOf('completion', body)
      if (choices === undefined) return await requester.complete(body, options)
      const ask: Requester['complete'] = (one, own) => requester.complete(one, own)
      return await wholeChoices(context, choices, ask, { body, options })
    },
    async embed(body, options = {}) {
      const inputs = manyInputs(body)
      if (inputs === undefined) return await requester.embed(body, options)
      return await shardedEmbeddings(context, { inputs, body, options })
    },
    streamChat(body, options = {}) {
      const choices = choicesOf('chat', body)
      if (choices === undefined) return requester.streamChat(body, options)
      const ask: Requester['streamChat'] = (one, own) => requester.streamChat(one, own)
      return streamedChoices(context, choices, ask, { body, options })
    },
    streamCompletion(body, options = {}) {
      const choices = choicesOf('completion', body)
      if (choices === undefined) return requester.streamCompletion(body, options)
      const ask: Requester['streamCompletion'] = (one, own) => requester.streamCompletion(one, own)
      return streamedChoices(context, choices, ask, { body, options })
    },
  }
}
