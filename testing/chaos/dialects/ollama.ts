import { type ChatResponse, Ollama } from 'ollama'
import type { DialectAnswer, DialectAsk } from './answer.ts'
import { WEATHER } from './question.ts'

export async function askOllama(ask: DialectAsk): Promise<DialectAnswer> {
  const { model, question, stream, fetch } = ask
  const { prompt, offersTool, schema, maxTokens, stop } = question
  const { name, description } = WEATHER
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
  }
  const request = {
    model,
    messages: [{ role: 'user', content: prompt }],
    options: {
      ...{ temperature: 0, num_predict: maxTokens },
      ...(stop !== undefined && { stop: [stop] }),
    },
    ...(offersTool && {
      tools: [{ type: 'function', function: { name, description, parameters } }],
    }),
    ...(schema !== undefined && { format: schema }),
  }
  const ollama = new Ollama({ host: 'http://skein.local', fetch })
  const lines: ChatResponse[] = []
  if (stream) {
    for await (const line of await ollama.chat({ ...request, stream: true })) lines.push(line)
  } else lines.push(await ollama.chat({ ...request, stream: false }))
  const written = lines.map(({ message }) => message)
  return {
    text: written.map(({ content }) => content).join(''),
    reasoning: written.map(({ thinking = '' }) => thinking).join(''),
    calls: written.flatMap(({ tool_calls: calls = [] }) =>
      calls.map((call) => ({ name: call.function.name, arguments: call.function.arguments })),
    ),
    finish: lines.at(-1)?.done_reason ?? null,
  }
}
