import type { ChainField } from '../../client/index.ts'
import {
  type ChatRequest,
  type CompletionRequest,
  InferenceError,
  type ResponseFormat,
  type SamplingFields,
} from '../../protocol/index.ts'
import { contentOf, present } from '../answering/index.ts'
import { chatMessages } from './chat-messages.ts'
import { imageParts } from './images.ts'
import { samplingOf } from './options.ts'
import type { AnswerFields, ChatFields, GenerateFields } from './request.ts'
/** Converts a chat to a chat request. */
export function chatRequestOf(request: ChatFields): ChatRequest & ChainField {
  const tools = (request.tools ?? []).map(({ function: { name, ...about } }) => {
    const { description, parameters, strict } = about
    return {
      type: 'function' as const,
      function: { name, ...present({ description, parameters, strict }) },
    }
  })
  return {
    ...asked(request),
    messages: chatMessages(request.messages ?? []),
    ...(tools.length > 0 && { tools }),
  }
}

/** Converts a prompt to a chat request with one message, for the model's template. */
export function promptRequestOf(request: GenerateFields): ChatRequest & ChainField {
  const { prompt, system, images } = request
  const text = prompt ? [{ type: 'text', text: prompt } as const] : []
  return {
    ...asked(request),
    messages: [
      ...(system ? [{ role: 'system', content: system } as const] : []),
      { role: 'user', content: contentOf([...text, ...imageParts(images)]) },
    ],
  }
}

/**
 * Converts a prompt that is already in the model's template to a completion request.
 *
 * @throws InferenceError `invalid_request` for fields that such a prompt cannot have
 */
export function rawRequestOf(request: GenerateFields): CompletionRequest & ChainField {
  for (const field of ['system', 'images', 'format', 'think', 'logprobs'] as const) {
    const value = request[field]
    if (!value || (Array.isArray(value) && value.length === 0)) continue
    throw new InferenceError('invalid_request', `${field} cannot be combined with raw: true`, {
      details: { param: field },
    })
  }
  const { model, models, prompt, options } = request
  return { model, prompt: prompt ?? '', ...present({ models }), ...samplingOf(options) }
}

function asked(request: AnswerFields): SamplingFields & ChainField & Omit<ChatRequest, 'messages'> {
  const { model, models, format, think, logprobs, top_logprobs, options } = request
  return {
    model,
    ...samplingOf(options),
    ...present({
      models,
      response_format: formatOf(format),
      reasoning_effort: effortOf(think),
      logprobs: logprobs === true ? true : undefined,
      top_logprobs: logprobs === true ? top_logprobs : undefined,
    }),
  }
}

function formatOf(format: AnswerFields['format']): ResponseFormat | undefined {
  if (!format) return undefined
  if (typeof format === 'string') return { type: 'json_object' }
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format, strict: true } }
}

/** Levels are efforts; `true` is a medium one. */
function effortOf(think: AnswerFields['think']): string | undefined {
  if (think === undefined || think === null || think === '') return undefined
  if (typeof think === 'string') return think
  return think ? 'medium' : 'none'
}
