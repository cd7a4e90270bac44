import type { CompletionLogprobs, TokenLogprob } from '../protocol/index.ts'
import { isAbsent, type Json, listAt, recordAt, textAt, wrongShape } from './shapes/index.ts'

/**
 * A list of tokens with their log probabilities, as in chat answers. Extra fields of engines are dropped.
 *
 * @throws InferenceError `engine_failed`
 */
export function tokenLogprobs(content: unknown, path = 'logprobs'): TokenLogprob[] {
  return listAt(content, path).map((value, at) => {
    const where = `${path}.${at}`
    const entry = recordAt(value, where)
    const { top_logprobs: others } = entry
    const alternatives = listAt(others, `${where}.top_logprobs`)
    return {
      ...tokenOf(entry, where),
      top_logprobs: alternatives.map((other, place) => {
        const within = `${where}.top_logprobs.${place}`
        return tokenOf(recordAt(other, within), within)
      }),
    }
  })
}

/**
 * A completion's probabilities in OpenAI's old shape; llama-server sends the chat shape there. Where a token begins in the
 * text is not read: the client finds it in the text that it shows.
 *
 * @throws InferenceError `engine_failed`
 */
export function completionLogprobs(value: unknown, path = 'logprobs'): CompletionLogprobs {
  const { content, tokens, token_logprobs: logprobs, top_logprobs: top } = recordAt(value, path)
  if (!isAbsent(content)) return completionShape(tokenLogprobs(content, `${path}.content`))
  const names = listAt(tokens, `${path}.tokens`)
  const values = listAt(logprobs, `${path}.token_logprobs`)
  if (names.length !== values.length) {
    throw wrongShape(`${path}.token_logprobs`, values, `one for each of ${names.length} tokens`)
  }
  return {
    tokens: names.map((name, at) => textAt(name, `${path}.tokens.${at}`)),
    token_logprobs: values.map((one, at) => logarithm(one, `${path}.token_logprobs.${at}`)),
    top_logprobs: isAbsent(top)
      ? null
      : listAt(top, `${path}.top_logprobs`).map((entry, at) =>
          numbersOf(entry, `${path}.top_logprobs.${at}`),
        ),
    text_offset: [],
  }
}

/** Converts OpenAI's new shape to the old one. */
export function completionShape(entries: readonly TokenLogprob[]): CompletionLogprobs {
  return {
    tokens: entries.map(({ token }) => token),
    token_logprobs: entries.map(({ logprob }) => logprob),
    top_logprobs: entries.map(({ top_logprobs: alternatives }) =>
      Object.fromEntries(alternatives.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: [],
  }
}

function tokenOf(
  { token, logprob, bytes }: Json,
  path: string,
): Omit<TokenLogprob, 'top_logprobs'> {
  return {
    token: textAt(token, `${path}.token`),
    logprob: logarithm(logprob, `${path}.logprob`),
    bytes: isAbsent(bytes)
      ? null
      : listAt(bytes, `${path}.bytes`).map((byte, at) => byteOf(byte, `${path}.bytes.${at}`)),
  }
}

function byteOf(value: unknown, path: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255)
    return value as number
  throw wrongShape(path, value, 'a byte')
}

/** JSON has no -Infinity, which some engines write as null; OpenAI writes -9999 for it. */
function logarithm(value: unknown, path: string): number {
  if (isAbsent(value)) return -9999
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw wrongShape(path, value, 'a number')
}

/** Alternatives by text; vLLM and OpenAI send null for the first token of an echoed prompt. */
function numbersOf(value: unknown, path: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(recordAt(value, path)).map(([token, one]) => [
      token,
      logarithm(one, `${path}.${token}`),
    ]),
  )
}
