import type { BegunAnswer, ContinuedRequest } from '../continuation/index.ts'
import { TRIAL_QUESTION } from '../continuation/index.ts'
import { emptySummary, readEvent } from './answer-stream.ts'
import type { TrialSubject } from './capability-trial.ts'
import { continuationFields } from './continuation.ts'
import type { Flavor } from './flavor.ts'

/** Has an engine continue an answer through the chat endpoint. */
export async function continueChat(
  { http, model, flavor, signal }: TrialSubject & { readonly flavor: Flavor },
  { text, reasoning }: BegunAnswer,
  { maxTokens, tools, schema }: ContinuedRequest,
): Promise<BegunAnswer> {
  const last = {
    role: 'assistant',
    content: text,
    ...(reasoning && { reasoning_content: reasoning }),
  }
  const format = { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } }
  const body = {
    model,
    messages: [{ role: 'user', content: TRIAL_QUESTION }, last],
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
    ...continuationFields({ text, reasoning }, flavor),
    ...(tools !== undefined && { tools }),
    ...(schema !== undefined && { response_format: format }),
  }
  const summary = emptySummary()
  const shape = { kind: 'chat', model, withLogprobs: false, withTokenIds: false } as const
  const written = { text: '', reasoning: '' }
  for await (const records of http.stream('/v1/chat/completions', body, {
    signal,
    framing: 'events',
  })) {
    for (const record of records) {
      const chunk = readEvent(record, shape, summary)
      const [choice] = chunk !== undefined && 'choices' in chunk.json ? chunk.json.choices : []
      if (choice === undefined || !('delta' in choice)) continue
      written.text += choice.delta.content ?? ''
      written.reasoning += choice.delta.reasoning_content ?? ''
    }
  }
  return written
}
