import { InferenceError } from '../../protocol/index.ts'
import type { AbortOptions } from '../backend.ts'
import { asArray, asRecord, type EngineHttp } from '../http/index.ts'

/** What a trial found: an engine that is busy or gone has proved nothing. */
export type TrialOutcome = boolean | undefined

/** An engine at which something is tried, and what it calls the model. */
export interface TrialSubject extends AbortOptions {
  readonly http: EngineHttp
  readonly model: string
}

const ASKED = [{ role: 'user', content: 'a' }] as const
const TOOL = {
  type: 'function',
  function: { name: 'noop', description: 'Does nothing.', parameters: { type: 'object' } },
} as const

/** Servers do not say whether they embed; a trial costs one token. */
export async function embeds({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const body = { model, input: 'a' }
  return await outcomeOf(signal, async () => {
    const { data } = await http.post('/v1/embeddings', body, { signal })
    return asArray(data).length === 1
  })
}

/** How llama-server and vLLM refuse a chat with a model that only embeds. */
const ONLY_EMBEDS = /logits|does not support|not supported|pooling|embedding/i

/** A server of an embedding model refuses chats only when one comes. Other failures prove nothing. */
export async function chats({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const body = { model, messages: ASKED, max_tokens: 1 }
  try {
    const { choices } = await http.post('/v1/chat/completions', body, { signal })
    return asArray(choices).length === 1
  } catch (error) {
    signal?.throwIfAborted()
    return InferenceError.is(error) && ONLY_EMBEDS.test(error.message) ? false : undefined
  }
}

/** vLLM takes tools only where it was started with a parser for them, and refuses them by name elsewhere. */
export async function takesTools({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const body = { model, messages: ASKED, max_tokens: 1, tools: [TOOL], tool_choice: 'auto' }
  return await outcomeOf(signal, async () => {
    const { choices } = await http.post('/v1/chat/completions', body, { signal })
    return asArray(choices).length === 1
  })
}

/** SGLang answers with tools in its text where it has no parser for them, so that its settings are asked. */
export async function hasToolParser({ http, signal }: TrialSubject): Promise<TrialOutcome> {
  return await outcomeOf(signal, async () => {
    const told = await http.get('/get_server_info', { signal })
    const { server_args: settings, tool_call_parser: own } = told
    const { tool_call_parser: parser = own } = asRecord(settings)
    return typeof parser === 'string' && parser !== ''
  })
}

async function outcomeOf(
  signal: AbortSignal | undefined,
  trial: () => Promise<boolean>,
): Promise<TrialOutcome> {
  try {
    return await trial()
  } catch (error) {
    signal?.throwIfAborted()
    if (!InferenceError.is(error)) return false
    const isPassing = error.code === 'loading' || error.code === 'over_capacity'
    // A refusal has the engine's own words; what has none met a silence or a broken connection.
    return isPassing || !/^the engine (?:says|answered)/.test(error.message) ? undefined : false
  }
}
