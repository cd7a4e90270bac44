import Anthropic from '@anthropic-ai/sdk'
import { type DialectAnswer, type DialectAsk, requireDistinct } from './answer.ts'
import { WEATHER } from './question.ts'

export async function askMessages(ask: DialectAsk): Promise<DialectAnswer> {
  const { model, question, stream, fetch } = ask
  const { prompt, offersTool, mustCall, schema, maxTokens, stop } = question
  const { name, description, parameters } = WEATHER
  const tool = { name, description, input_schema: { ...parameters, required: ['city'] } }
  const request = {
    model,
    messages: [{ role: 'user' as const, content: prompt }],
    temperature: 0,
    max_tokens: maxTokens,
    ...(stop !== undefined && { stop_sequences: [stop] }),
    ...(offersTool && { tools: [tool] }),
    ...(mustCall && { tool_choice: { type: 'any' as const } }),
    ...(schema !== undefined && {
      output_config: { format: { type: 'json_schema' as const, schema } },
    }),
  }
  const init = { apiKey: 'none', baseURL: 'http://skein.local', fetch, maxRetries: 0 }
  const { messages } = new Anthropic(init)
  const message = stream
    ? await messages.stream(request).finalMessage()
    : await messages.create(request)
  return answerOf(message)
}

function answerOf({ content, stop_reason: finish }: Anthropic.Message): DialectAnswer {
  let [text, reasoning] = ['', '']
  const calls: Anthropic.ToolUseBlock[] = []
  for (const block of content) {
    if (block.type === 'text') text += block.text
    if (block.type === 'thinking') reasoning += block.thinking
    if (block.type === 'tool_use') calls.push(block)
  }
  requireDistinct(calls.map(({ id }) => id))
  return {
    text,
    reasoning,
    calls: calls.map(({ name, input }) => ({ name, arguments: input })),
    finish,
  }
}
