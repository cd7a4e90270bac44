import type { AbortOptions } from '../../timing/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { countAt } from '../shapes/index.ts'
import type { Reading } from './marked-answer.ts'

/** What is sent to Ollama, and where. */
export interface SentBody {
  readonly path: string
  readonly body: object
  /** For an answer that Ollama passes on with its marks. @default it has none */
  readonly reading?: Reading
}

/**
 * Tokens of the answer so far, as Ollama's tokenizer reads them: the tokens of a request that continues the answer, less
 * those of one that begins it. Ollama sends no token ids, and a piece may hold several tokens: those of a character, and
 * those that may begin a stop string, a call or the end of thoughts. It has no endpoint that counts tokens, so each request
 * is sent with a limit of one token. Its cache keeps the prompt for the answer that follows.
 *
 * @returns 0, or too few, from a version that does not count cached tokens
 */
export async function writtenTokens(
  http: EngineHttp,
  { begins, continues }: { readonly begins: SentBody; readonly continues: SentBody },
  options: Required<AbortOptions>,
): Promise<number> {
  const before = await promptTokens(http, begins, options)
  const after = await promptTokens(http, continues, options)
  // A count that is left out says nothing, and the difference would be the whole prompt.
  return before === 0 ? 0 : Math.max(0, after - before)
}

/** The same request with room for so many tokens. */
export function limitedTo(tokens: number, sent: SentBody): SentBody {
  const { body } = sent
  const { options } = body as { readonly options?: object }
  return { ...sent, body: { ...body, options: { ...options, num_predict: tokens } } }
}

async function promptTokens(
  http: EngineHttp,
  sent: SentBody,
  { signal }: Required<AbortOptions>,
): Promise<number> {
  const { path, body } = limitedTo(1, sent)
  const answer = await http.post(path, { ...body, stream: false }, { signal, isRequest: true })
  const { prompt_eval_count: count } = answer
  return countAt(count, 'prompt_eval_count') ?? 0
}
