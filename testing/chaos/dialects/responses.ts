import type OpenAI from 'openai'
import { type DialectAnswer, type DialectAsk, requireDistinct } from './answer.ts'
import { openAiOf } from './chat.ts'
import { WEATHER } from './question.ts'

export async function askResponses(ask: DialectAsk): Promise<DialectAnswer> {
  const { model, question, stream } = ask
  const { prompt, offersTool, mustCall, schema, maxTokens, stop } = question
  const request = {
    model,
    input: prompt,
    temperature: 0,
    max_output_tokens: maxTokens,
    // An extension.
    ...(stop !== undefined && { stop }),
    ...(offersTool && { tools: [{ type: 'function' as const, ...WEATHER, strict: false }] }),
    ...(mustCall && { tool_choice: 'required' as const }),
    ...(schema !== undefined && {
      text: { format: { type: 'json_schema' as const, name: 'answer', strict: true, schema } },
    }),
  }
  const { responses } = openAiOf(ask)
  const response = stream
    ? await responses.stream(request).finalResponse()
    : await responses.create(request)
  return answerOf(response)
}

function answerOf({ output, status, ...more }: OpenAI.Responses.Response): DialectAnswer {
  let [text, reasoning] = ['', '']
  const calls: OpenAI.Responses.ResponseFunctionToolCall[] = []
  for (const item of output) {
    if (item.type === 'function_call') calls.push(item)
    if (item.type === 'message') {
      for (const part of item.content) text += part.type === 'output_text' ? part.text : ''
    }
    if (item.type === 'reasoning') {
      for (const part of item.content ?? []) reasoning += part.text
    }
  }
  requireDistinct(calls.map(({ call_id: id }) => id))
  const reason = more.incomplete_details?.reason
  return {
    text,
    reasoning,
    calls: calls.map(({ name, arguments: json }) => ({ name, arguments: JSON.parse(json) })),
    finish: reason === undefined ? (status ?? null) : `${status}: ${reason}`,
  }
}
