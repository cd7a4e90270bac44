import OpenAI from 'openai'
import { type DialectAnswer, type DialectAsk, requireDistinct } from './answer.ts'
import { WEATHER } from './question.ts'

export const openAiOf = ({ fetch }: DialectAsk): OpenAI =>
  new OpenAI({ apiKey: 'none', baseURL: 'http://skein.local/v1', fetch, maxRetries: 0 })

/** Engines name their thoughts so, though OpenAI's types do not. */
interface Thoughts {
  readonly reasoning_content?: string | null
}

export async function askChat(ask: DialectAsk): Promise<DialectAnswer> {
  const { model, question, stream } = ask
  const { prompt, offersTool, mustCall, schema, maxTokens, stop } = question
  const request = {
    model,
    messages: [{ role: 'user' as const, content: prompt }],
    temperature: 0,
    max_tokens: maxTokens,
    ...(stop !== undefined && { stop }),
    ...(offersTool && { tools: [{ type: 'function' as const, function: WEATHER }] }),
    ...(mustCall && { tool_choice: 'required' as const }),
    ...(schema !== undefined && {
      response_format: {
        type: 'json_schema' as const,
        json_schema: { name: 'answer', strict: true, schema },
      },
    }),
  }
  const { chat } = openAiOf(ask)
  if (!stream) {
    const [choice] = (await chat.completions.create(request)).choices
    const { content, tool_calls: calls = [], ...rest } = choice?.message ?? { content: null }
    return {
      text: content ?? '',
      reasoning: (rest as Thoughts).reasoning_content ?? '',
      calls: callsOf(calls.map((call) => ('function' in call ? call : undefined))),
      finish: choice?.finish_reason ?? null,
    }
  }
  const written = chat.completions.stream(request)
  let reasoning = ''
  const chunkIds = new Set<string>()
  for await (const { id, choices } of written) {
    chunkIds.add(id)
    reasoning += (choices[0]?.delta as Thoughts | undefined)?.reasoning_content ?? ''
  }
  if (chunkIds.size !== 1) throw new Error(`${chunkIds.size} ids in one stream`)
  const [choice] = (await written.finalChatCompletion()).choices
  const calls = (choice?.message.tool_calls ?? []).map((call) =>
    'function' in call ? call : undefined,
  )
  return {
    text: choice?.message.content ?? '',
    reasoning,
    calls: callsOf(calls),
    finish: choice?.finish_reason ?? null,
  }
}

type FunctionCall = OpenAI.Chat.Completions.ChatCompletionMessageFunctionToolCall

function callsOf(calls: readonly (FunctionCall | undefined)[]): DialectAnswer['calls'] {
  const known = calls.filter((call) => call !== undefined)
  requireDistinct(known.map(({ id }) => id))
  return known.map(({ function: { name, arguments: text } }) => ({
    name,
    arguments: JSON.parse(text) as unknown,
  }))
}

/** Without a chat template a model goes on with a text, whatever the question. */
export async function askCompletion(ask: DialectAsk): Promise<DialectAnswer> {
  const { model, question, stream } = ask
  const { maxTokens, stop } = question
  const prompt = `${question.prompt} 1, 2, 3,`
  const request = {
    model,
    prompt,
    temperature: 0,
    max_tokens: maxTokens,
    ...(stop !== undefined && { stop }),
  }
  const { completions } = openAiOf(ask)
  const answer = { text: '', reasoning: '', calls: [], finish: null as string | null }
  if (!stream) {
    const [choice] = (await completions.create(request)).choices
    return { ...answer, text: choice?.text ?? '', finish: choice?.finish_reason ?? null }
  }
  for await (const { choices } of await completions.create({ ...request, stream: true })) {
    answer.text += choices[0]?.text ?? ''
    answer.finish = choices[0]?.finish_reason ?? answer.finish
  }
  return answer
}
