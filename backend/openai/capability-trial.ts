import { InferenceError } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { asArray, asNumber, asRecord, type EngineHttp, isPassing } from '../http/index.ts'

/** Result of a trial: a busy, silent or absent engine proves nothing. */
export type TrialOutcome = boolean | undefined

/** The engine under trial, and its name of the model. */
export interface TrialSubject extends AbortOptions {
  readonly http: EngineHttp
  readonly model: string
}

const ASKED = [{ role: 'user', content: 'a' }] as const
const TOOL = {
  type: 'function',
  function: { name: 'noop', description: 'Does nothing.', parameters: { type: 'object' } },
} as const

/** Servers do not report whether they embed; a trial costs one token. */
export async function embeds({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const body = { model, input: 'a' }
  return await outcomeOf(signal, async () => {
    const { data } = await http.post('/v1/embeddings', body, { signal })
    return asArray(data).length === 1
  })
}

/** Messages of llama-server and vLLM for a chat with an embedding model. */
const ONLY_EMBEDS = /logits|does not support|not supported|pooling|embedding/i

/** A server of an embedding model refuses chats only on request, and says why. Other refusals are about the chat. */
export async function chats({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const body = { model, messages: ASKED, max_tokens: 1 }
  try {
    const { choices } = await http.post('/v1/chat/completions', body, { signal })
    return asArray(choices).length === 1
  } catch (error) {
    signal?.throwIfAborted()
    if (InferenceError.is(error) && ONLY_EMBEDS.test(error.message)) return false
    return isPassing(error) ? undefined : true
  }
}

/** vLLM accepts tools only if it was started with a parser for them, and otherwise rejects them by name. */
export async function takesTools({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const body = { model, messages: ASKED, max_tokens: 1, tools: [TOOL], tool_choice: 'auto' }
  return await outcomeOf(signal, async () => {
    const { choices } = await http.post('/v1/chat/completions', body, { signal })
    return asArray(choices).length === 1
  })
}

/** Without a parser SGLang writes tool calls into its text, so its settings are read instead. */
export async function hasToolParser({ http, signal }: TrialSubject): Promise<TrialOutcome> {
  return await outcomeOf(signal, async () => {
    const info = await http.get('/get_server_info', { signal })
    const { server_args: settings, tool_call_parser: own } = info
    const { tool_call_parser: parser = own } = asRecord(settings)
    return typeof parser === 'string' && parser !== ''
  })
}

/** 64 by 64 pixels, black and white: some models refuse smaller images. */
const IMAGE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQAAAACCEkxzAAAAFklEQVR42mNgoBL4DwWUMkbdM6TcAwAU9f8BPGcNewAAAABJRU5ErkJggg=='

/** A model without vision refuses an image, or drops it: only one that counts tokens for it sees it. */
export async function sees({ http, model, signal }: TrialSubject): Promise<TrialOutcome> {
  const text = { type: 'text', text: 'a' }
  const image = { type: 'image_url', image_url: { url: IMAGE } }
  const tokensOf = async (content: readonly object[]): Promise<number> => {
    const body = { model, messages: [{ role: 'user', content }], max_tokens: 1 }
    const { usage } = await http.post('/v1/chat/completions', body, { signal })
    const { prompt_tokens: tokens } = asRecord(usage)
    return asNumber(tokens)
  }
  return await outcomeOf(signal, async () => {
    const seen = await tokensOf([text, image])
    return seen > (await tokensOf([text]))
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
    return isPassing(error) ? undefined : false
  }
}
