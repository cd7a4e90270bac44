import type { Context } from 'hono'
import type { OpenAiUsage } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'

/** English at common vocabularies, and JSON around it. */
const BYTES_PER_TOKEN = 4
/** Of a prompt whose tokens were never told; images would make it look far larger than it is. */
const MAX_PROMPT_TOKENS = 16_384

/**
 * Charges a streamed answer to its caller as it is delivered, so that one that is broken off, or runs beside many
 * others, costs what was had of it. When the usage is told, that is what it cost.
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

  /** A chunk went out, in OpenAI's form. */
  delivered(chunk: unknown): void {
    this.#charge(tokensIn(chunk) + (this.#charged === 0 ? this.#promptTokens : 0))
  }

  /** The stream is over. */
  end(usage: OpenAiUsage | undefined): void {
    if (usage !== undefined) this.#charge(usage.total_tokens - this.#charged)
  }

  #charge(tokens: number): void {
    this.#charged += tokens
    if (tokens !== 0) this.#spend(tokens)
  }
}

/** Each piece with text is a token at least. */
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
