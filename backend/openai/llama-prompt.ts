import type { ChatMessage } from '../../protocol/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { messageText, plainRole } from '../messages.ts'
import type { TextRequest } from '../request-fields.ts'
import { textAt, wrongShape } from '../shapes/index.ts'
import type { PromptPart } from './token-answer.ts'
import { tokenIdsIn } from './token-ids.ts'

/** Control tokens look like `<|im_end|>`, `<s>`, `<start_of_turn>`, `[INST]`. */
const MAYBE_CONTROL = /[<[][\p{L}|/｜_]/u

/**
 * The prompt of a request for llama-server, which accepts a list of texts and ids as one prompt. User text is tokenized without control tokens:
 * `<|im_end|>` in a message stays text.
 */
export async function llamaPrompt(
  http: EngineHttp,
  request: TextRequest,
  signal: AbortSignal,
): Promise<readonly PromptPart[]> {
  if (request.kind === 'completion') {
    const { prompt } = request.body
    if (typeof prompt !== 'string') return prompt
    return MAYBE_CONTROL.test(prompt) ? await plainTokens(http, prompt, true, signal) : [prompt]
  }
  const { messages } = request.body
  const risky = messages.map((message) => MAYBE_CONTROL.test(messageText(message)))
  if (!risky.includes(true))
    return [await render(http, messages, messages.map(messageText), signal)]
  // The template gets a placeholder for each risky text; the text's tokens replace it afterwards.
  const marks = messages.map(() => `mark${crypto.randomUUID().replaceAll('-', '')}`)
  const shown = messages.map((message, at) =>
    risky[at] === true ? (marks[at] ?? '') : messageText(message),
  )
  let rest = await render(http, messages, shown, signal)
  const parts: PromptPart[] = []
  for (const [at, message] of messages.entries()) {
    const mark = marks[at] ?? ''
    const found = rest.indexOf(mark)
    // A template may leave a message out.
    if (risky[at] !== true || found < 0) continue
    parts.push(
      rest.slice(0, found),
      ...(await plainTokens(http, messageText(message), false, signal)),
    )
    rest = rest.slice(found + mark.length)
  }
  return [...parts, rest].filter((part) => part !== '')
}

/** Tokens of a text, never parsed as control tokens. */
export async function plainTokens(
  http: EngineHttp,
  content: string,
  isStart: boolean,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const body = { content, add_special: isStart, parse_special: false }
  const { tokens } = await http.post('/tokenize', body, { signal, isRequest: true })
  return tokenIdsIn(tokens)
}

async function render(
  http: EngineHttp,
  messages: readonly ChatMessage[],
  texts: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const shown = messages.map((message, at) => ({
    role: plainRole(message),
    content: texts[at] ?? '',
  }))
  const { prompt } = await http.post(
    '/apply-template',
    { messages: shown },
    { signal, isRequest: true },
  )
  const text = textAt(prompt, 'prompt')
  if (text !== '') return text
  throw wrongShape('prompt', prompt, 'the rendered conversation')
}
