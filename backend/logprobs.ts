import type { CompletionLogprobs, TokenLogprob } from '../protocol/index.ts'
import { asArray, asRecord, asString } from './http/index.ts'

/** A list of tokens with their probabilities, as chat answers carry it. Extra fields of engines are left out. */
export function tokenLogprobs(content: unknown): TokenLogprob[] {
  return asArray(content)
    .map(asRecord)
    .map((entry) => {
      const { top_logprobs: alternatives } = entry
      return { ...tokenOf(entry), top_logprobs: asArray(alternatives).map(asRecord).map(tokenOf) }
    })
}

/** A completion's probabilities in OpenAI's old shape; llama-server sends the chat shape there. */
export function completionLogprobs(value: unknown): CompletionLogprobs {
  const {
    content,
    tokens,
    token_logprobs: logprobs,
    top_logprobs: top,
    text_offset: at,
  } = asRecord(value)
  if (content === undefined) {
    return {
      tokens: asArray(tokens).map(asString),
      token_logprobs: asArray(logprobs).map(logarithm),
      top_logprobs: Array.isArray(top) ? top.map((entry) => numbersOf(asRecord(entry))) : null,
      text_offset: asArray(at).map(Number),
    }
  }
  return completionShape(tokenLogprobs(content))
}

/** OpenAI's old shape, made from the new one. */
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

function tokenOf({
  token,
  logprob,
  bytes,
}: Readonly<Record<string, unknown>>): Omit<TokenLogprob, 'top_logprobs'> {
  return {
    token: asString(token),
    logprob: logarithm(logprob),
    bytes: Array.isArray(bytes) ? bytes.map(Number) : null,
  }
}

/** JSON has no -Infinity; OpenAI writes -9999 for it. */
function logarithm(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : -9999
}

function numbersOf(entry: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(entry).map(([token, value]) => [token, logarithm(value)]),
  )
}
