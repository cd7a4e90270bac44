import type { ChainField } from '../../client/index.ts'
import {
  ANSWER_PREFIX,
  type ChatRequest,
  type ToolChoice,
  type ToolDefinition,
} from '../../protocol/index.ts'
import { present } from '../answering/index.ts'
import { chatMessages } from './chat-messages.ts'
import type { MessageFields, PromptFields } from './request.ts'
/** The caller's names of fields with other names on the wire. */
export const CALLERS_FIELDS: Readonly<Record<string, string>> = {
  [ANSWER_PREFIX]: 'messages',
  stop: 'stop_sequences',
  reasoning_effort: 'output_config.effort',
  response_format: 'output_config.format',
  json_schema: 'output_config.format',
  parallel_tool_calls: 'tool_choice.disable_parallel_tool_use',
  vision: 'image',
}

/** Converts a Messages API request to a chat request. */
export function chatRequestOf(request: MessageFields): ChatRequest & ChainField {
  return {
    ...promptOf(request),
    ...present({
      max_completion_tokens: request.max_tokens,
      temperature: request.temperature,
      top_p: request.top_p,
      top_k: request.top_k,
      stop: request.stop_sequences?.length === 0 ? undefined : request.stop_sequences,
      seed: request.seed,
      min_p: request.min_p,
      repeat_penalty: request.repeat_penalty,
      presence_penalty: request.presence_penalty,
      frequency_penalty: request.frequency_penalty,
    }),
  }
}

/** The part of a request that a model reads. */
export function promptOf(request: PromptFields): ChatRequest & ChainField {
  const { model, models, output_config: config } = request
  const format = config?.format
  return {
    model,
    messages: chatMessages(request),
    ...present({
      models,
      ...toolFields(request),
      reasoning_effort: effortOf(request),
      response_format: format && {
        type: 'json_schema' as const,
        json_schema: { name: 'answer', schema: format.schema, strict: true },
      },
    }),
  }
}

/** Efforts that only Anthropic defines, with the nearest common one. */
const EFFORTS: Readonly<Record<string, string>> = { max: 'high', xhigh: 'high' }

/** Thinking budgets, in tokens, up to which each effort applies. The SDK's examples use 1,024 to 10,000. */
const LOW_BUDGET = 2_048
const MEDIUM_BUDGET = 8_192

/** Engines accept an effort, not a budget. `adaptive` sets none. */
function effortOf({ thinking, output_config: config }: PromptFields): string | undefined {
  if (thinking?.type === 'disabled') return 'none'
  if (config?.effort) return EFFORTS[config.effort] ?? config.effort
  if (thinking?.type !== 'enabled') return undefined
  if (thinking.budget_tokens <= LOW_BUDGET) return 'low'
  return thinking.budget_tokens <= MEDIUM_BUDGET ? 'medium' : 'high'
}

interface ToolFields {
  readonly tools: readonly ToolDefinition[]
  readonly tool_choice?: ToolChoice
  readonly parallel_tool_calls?: boolean
}

function toolFields({ tools, tool_choice: choice }: PromptFields): ToolFields | undefined {
  if (tools === undefined || tools.length === 0) {
    // Without tools a choice cannot be satisfied and is rejected by name.
    const isMet = choice === undefined || choice.type === 'auto' || choice.type === 'none'
    return isMet ? undefined : { tools: [], tool_choice: toolChoiceOf(choice) }
  }
  const sequential =
    choice !== undefined && choice.type !== 'none' && choice.disable_parallel_tool_use === true
  return {
    tools: tools.map(({ name, description, input_schema: parameters, strict }) => ({
      type: 'function',
      function: { name, parameters, ...present({ description, strict }) },
    })),
    ...(choice !== undefined && { tool_choice: toolChoiceOf(choice) }),
    ...(sequential && { parallel_tool_calls: false }),
  }
}

function toolChoiceOf(choice: NonNullable<PromptFields['tool_choice']>): ToolChoice {
  switch (choice.type) {
    case 'auto':
    case 'none':
      return choice.type
    case 'any':
      return 'required'
    case 'tool':
      return { type: 'function', function: { name: choice.name } }
    default:
      return choice satisfies never
  }
}
