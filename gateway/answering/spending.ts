import type { Context } from 'hono'
import type { OpenAiUsage } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'

/** Bytes per token of English text in JSON. */
const BYTES_PER_TOKEN = 4
/** Cap on the estimate for a prompt without usage; images would inflate it. */
const MAX_PROMPT_TOKENS = 16_384

/**
 * Charges a streamed answer to its caller as it is delivered, so that an interrupted answer, or one of many concurrent
 * ones, costs what was delivered. The usage, once known, replaces the estimate.
 */
export class Spending {
  readonly #spend: (tokens: number) => void
  readonly #promptTokens: number
  #charged = 0

  constructor(c: Context<GatewayEnv>, { spend }: Pick<GatewayContext, 'spend'>) {
    this.#spend = (tokens) => spend(c.get('caller'), tokens)
    const bytes = Number(c.req.header('content-length') ?? 0) || 0
    this.#promptTokens = Math.min(MAX_PROMPT_TOKENS, Math.ceil(bytes / BYTES_PER_TOKEN))
  }

  /** Call for each chunk sent, in OpenAI's form. */
  delivered(chunk: unknown): void {
    this.#charge(tokensIn(chunk) + (this.#charged === 0 ? this.#promptTokens : 0))
  }

  /** Call when the stream ends. */
  end(usage: OpenAiUsage | undefined): void {
    if (usage !== undefined) this.#charge(usage.total_tokens - this.#charged)
  }

  #charge(tokens: number): void {
    this.#charged += tokens
    if (tokens !== 0) this.#spend(tokens)
  }
}

/** Each chunk with text counts as at least one token. */
function tokensIn(chunk: unknown): number {
  const { choices } = chunk as { readonly choices?: unknown }
  if (!Array.isArray(choices)) return 0
  let tokens = 0
  for (const { text, delta } of choices) {
    const { content, reasoning_content: thought, refusal, tool_calls: calls } = delta ?? {}
    const asked = Array.isArray(calls) ? calls.map((call) => call?.function?.arguments) : []
    for (const piece of [text, content, thought, refusal, ...asked]) {
      if (typeof piece === 'string') tokens += Math.ceil(piece.length / BYTES_PER_TOKEN)
    }
  }
  return tokens
}
