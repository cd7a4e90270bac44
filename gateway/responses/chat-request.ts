import type { ChainField } from '../../client/index.ts'
import {
  ANSWER_PREFIX,
  type ChatRequest,
  type ResponseFormat,
  type ToolChoice,
  type ToolDefinition,
} from '../../protocol/index.ts'
import { present } from '../answering/index.ts'
import { definitionOf, type OfferedTool, offeredTools } from './callable-tools.ts'
import { chatMessages } from './chat-messages.ts'
import type { ResponseFields } from './request.ts'
/** The caller's names of fields with other names on the wire. */
export const CALLERS_FIELDS: Readonly<Record<string, string>> = {
  [ANSWER_PREFIX]: 'input',
  messages: 'input',
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  reasoning_effort: 'reasoning.effort',
  verbosity: 'text.verbosity',
  response_format: 'text.format',
  json_schema: 'text.format',
  logprobs: 'top_logprobs',
  vision: 'input_image',
}

/** Converts a Responses API request to a chat request. */
export function chatRequestOf(request: ResponseFields): ChatRequest & ChainField {
  const { model, models, input, instructions, text, reasoning, include, top_logprobs } = request
  const wantsLogprobs =
    (top_logprobs ?? 0) > 0 || include?.includes('message.output_text.logprobs') === true
  return {
    model,
    messages: chatMessages(input, instructions ?? undefined),
    ...present({
      models,
      ...toolFields(request),
      response_format: responseFormatOf(text?.format),
      reasoning_effort: reasoning?.effort,
      verbosity: text?.verbosity,
      max_completion_tokens: request.max_output_tokens,
      logprobs: wantsLogprobs || undefined,
      top_logprobs: wantsLogprobs ? (top_logprobs ?? 0) : undefined,
      temperature: request.temperature,
      top_p: request.top_p,
      prompt_cache_key: request.prompt_cache_key,
      stop: request.stop,
      seed: request.seed,
      presence_penalty: request.presence_penalty,
      frequency_penalty: request.frequency_penalty,
      top_k: request.top_k,
      min_p: request.min_p,
      repeat_penalty: request.repeat_penalty,
    }),
  }
}

interface ToolFields {
  readonly tools: readonly ToolDefinition[]
  readonly tool_choice?: ToolChoice
  readonly parallel_tool_calls?: boolean
}

/** With `allowed_tools`, other tools are not passed to the model. */
function toolFields({
  tools,
  tool_choice: choice,
  parallel_tool_calls: parallel,
}: ResponseFields): ToolFields | undefined {
  if (!tools || tools.length === 0) {
    // Without tools a choice cannot be satisfied and is rejected by name.
    const isMet = !choice || choice === 'auto' || choice === 'none'
    return isMet ? undefined : { tools: [], tool_choice: toolChoiceOf(choice, []) }
  }
  const restricted = typeof choice === 'object' && choice?.type === 'allowed_tools'
  const allowed = restricted ? new Set(choice.tools.map(({ name }) => name)) : undefined
  const offered = offeredTools(tools)
  return {
    tools: offered.filter(({ tool }) => allowed?.has(tool.name) ?? true).map(definitionOf),
    ...(choice && { tool_choice: toolChoiceOf(choice, offered) }),
    ...(typeof parallel === 'boolean' && { parallel_tool_calls: parallel }),
  }
}

function toolChoiceOf(
  choice: NonNullable<ResponseFields['tool_choice']>,
  offered: readonly OfferedTool[],
): ToolChoice {
  if (typeof choice === 'string') return choice
  if (choice.type === 'allowed_tools') return choice.mode
  const name = offered.find(({ tool }) => tool.name === choice.name)?.wireName ?? choice.name
  return { type: 'function', function: { name } }
}

function responseFormatOf(
  format: NonNullable<ResponseFields['text']>['format'],
): ResponseFormat | undefined {
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json_object') return format
  const { name, schema, description, strict } = format
  return { type: 'json_schema', json_schema: { name, schema, ...present({ description, strict }) } }
}
