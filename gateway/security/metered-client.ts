import {
  type Answer,
  estimatePromptTokens,
  type RequestOptions,
  type ServedChunk,
} from '../../client/index.ts'
import { LIMITS } from '../../protocol/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { type Asked, answerOver, wrappedClient } from '../wrapped-client.ts'
import type { RateLimit } from './rate-limit.ts'

/** Bytes per token of English text in JSON. */
const BYTES_PER_TOKEN = 4
/** Cap on the estimate for a prompt without usage; images would inflate it. */
const MAX_PROMPT_TOKENS = 16_384
/** Reserved for an answer, or the caller's own limit where it is lower. */
const RESERVED_ANSWER_TOKENS = 256

/**
 * The same client with the tokens of its answers charged to their callers' limits. Tokens are reserved before a request
 * is sent, so that requests sent together cannot pass one limit, and charged as they are delivered, so that an answer
 * that is broken off costs what was delivered. The usage, once known, replaces both. Batches charge their own.
 */
export function meteredClient(
  client: GatewayClient,
  meter: Pick<RateLimit, 'reserve'>,
): GatewayClient {
  return wrappedClient(client, {
    async whole({ kind, request, options, caller }, ask) {
      const reserved = await meter.reserve(caller, () => tokensFor(kind, request))
      try {
        const answer = await ask(options)
        reserved?.charge(answer.usage.total_tokens)
        return answer
      } catch (error) {
        // How much was written for a caller that left is not known: the reservation stays.
        if (options.signal?.aborted !== true) reserved?.charge(0)
        throw error
      }
    },
    streamed<T>(
      { kind, request, options, caller }: Asked,
      ask: (options: RequestOptions) => Answer<T>,
    ) {
      let answer: Answer<T> | undefined
      async function* chunks(): AsyncGenerator<T & ServedChunk> {
        let prompt = 0
        let least = 0
        const reserved = await meter.reserve(caller, () => {
          prompt = promptTokensOf(kind, request)
          least = prompt + answerTokensOf(kind, request)
          return least
        })
        if (reserved === undefined) {
          answer = ask(options)
          return yield* answer
        }
        let delivered = 0
        let hasFailed = false
        try {
          answer = ask(options)
          for await (const chunk of answer) {
            delivered += tokensIn(chunk)
            if (prompt + delivered > least) reserved.charge(prompt + delivered)
            yield chunk
          }
        } catch (error) {
          hasFailed = options.signal?.aborted !== true
          throw error
        } finally {
          // A caller that leaves before the first piece has had the prompt read.
          const owed = hasFailed && delivered === 0 ? 0 : prompt + delivered
          reserved.charge(answer?.usage?.total_tokens ?? owed)
        }
      }
      return answerOver(chunks, () => answer)
    },
  })
}

/** Tokens to reserve for a request, which may not be valid: of its prompt, and of each answer that it asks for. */
export function tokensFor(kind: Asked['kind'], request: object): number {
  return promptTokensOf(kind, request) + answerTokensOf(kind, request)
}

function answerTokensOf(kind: Asked['kind'], request: object): number {
  const { n, max_tokens, max_completion_tokens: most = max_tokens } = request as AnswerFields
  const answers =
    kind === 'embedding' ? 0 : Math.min(LIMITS.maxChoices, Math.max(1, countOf(n) ?? 1))
  const each = Math.min(RESERVED_ANSWER_TOKENS, countOf(most) ?? RESERVED_ANSWER_TOKENS)
  return answers * each
}

interface AnswerFields {
  readonly n?: unknown
  readonly max_tokens?: unknown
  readonly max_completion_tokens?: unknown
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined
}

function promptTokensOf(kind: Asked['kind'], request: object): number {
  let tokens: number
  try {
    tokens =
      kind === 'embedding'
        ? JSON.stringify((request as { readonly input?: unknown }).input).length / BYTES_PER_TOKEN
        : estimatePromptTokens({ kind, body: request } as Parameters<
            typeof estimatePromptTokens
          >[0])
  } catch {
    // Not a valid request: it is refused before it costs anything.
    return 0
  }
  return Number.isFinite(tokens) ? Math.min(MAX_PROMPT_TOKENS, Math.ceil(tokens)) : 0
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
