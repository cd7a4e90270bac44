import type { Context } from 'hono'
import type { Answer, ServedChunk } from '../../client/index.ts'
import { InferenceError, plainError } from '../../protocol/index.ts'
import { type GivenHints, ignoreHints, openAnswer, Spending } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import {
  errorBody,
  eventStream,
  failureOf,
  type JsonBody,
  servedHeaders,
  skeinField,
  sse,
} from '../http/index.ts'
import { type Choices, inOpenAiShape } from './logprobs.ts'

/** How a streamed answer was produced, as a comment that clients skip. */
const told = (answer: Answer<unknown>): string => {
  const { event } = answer
  if (event === undefined) return ''
  const { attempts, resumes, exact, durationMs, verification } = event
  const ended = { attempts: attempts.length, resumes, exact, durationMs: Math.round(durationMs) }
  return `: skein ${JSON.stringify({ ...ended, ...skeinField(verification).skein })}\n\n`
}

/**
 * A streamed answer in OpenAI's format. A failure after the first byte is an `error` in the stream without `[DONE]`,
 * which makes the SDKs throw.
 *
 * @throws failures before the first chunk
 */
export async function streamAnswer<T extends Choices & { readonly model: string }>(
  c: Context<GatewayEnv>,
  context: GatewayContext,
  answer: Answer<T>,
  { withUsage, hints }: { readonly withUsage: boolean; readonly hints?: GivenHints },
): Promise<Response> {
  const { limits, log, metrics } = context
  const { signal } = c.req.raw
  const spending = new Spending(c, context)
  const opened = await openAnswer(answer, {
    waitMs: limits.keepAliveMs,
    startedAt: c.get('startedAt'),
  })
  if (hints !== undefined && opened.served !== undefined) {
    ignoreHints(c, context, hints, opened.served)
  }
  const withPeers = c.req.header(SHOW_PEERS_HEADER) === 'true'
  async function* texts(): AsyncGenerator<string, void, void> {
    let lastAt: number | undefined
    try {
      for await (const chunk of opened.chunks) {
        const now = performance.now()
        if (lastAt !== undefined) metrics?.gap(now - lastAt)
        lastAt = now
        spending.delivered(chunk)
        yield sse(shown(chunk, { withUsage, withPeers }))
      }
      yield told(answer)
      yield sse('[DONE]')
    } catch (error) {
      const failure = failureOf(error, signal)
      if (failure.code === 'internal') log(`a stream failed: ${plainError(failure)}`)
      c.set('broken', true)
      yield sse(errorBody(failure))
    } finally {
      spending.end(answer.usage)
    }
  }
  return eventStream(texts(), {
    keepAliveMs: limits.keepAliveMs,
    ...(opened.served !== undefined && { headers: servedHeaders(opened.served) }),
  })
}

/** Asks a stream to name, in each chunk, the peer that wrote it. */
const SHOW_PEERS_HEADER = 'x-skein-show-peers'

/** With `include_usage` every chunk has a usage, null except in the last, which also has the verification. */
function shown<T extends Choices>(
  chunk: T & ServedChunk,
  { withUsage, withPeers }: { readonly withUsage: boolean; readonly withPeers: boolean },
): object {
  const { skein, ...rest } = chunk
  const verified = skeinField(skein.verification)
  const fields = withPeers ? { skein: { ...verified.skein, peer_id: skein.peerId } } : verified
  const told = { ...inOpenAiShape(rest), ...fields }
  return withUsage && !('usage' in told) ? { ...told, usage: null } : told
}

/** Whether the caller asked for a stream. @throws InferenceError `invalid_request` for other values than true and false */
export function wantsStream({ stream }: JsonBody): boolean {
  if (stream === undefined || stream === null || typeof stream === 'boolean') return stream === true
  throw new InferenceError('invalid_request', 'stream: expected true or false', {
    details: { param: 'stream' },
  })
}

/**
 * Whether the caller asked for the usage of a stream.
 *
 * @throws InferenceError `invalid_request` for invalid `stream_options`, or without a stream
 */
export function wantsUsage(body: JsonBody): boolean {
  const { stream_options: options } = body
  if (options === undefined || options === null) return false
  if (typeof options !== 'object' || body.stream !== true) {
    throw new InferenceError('invalid_request', 'stream_options requires stream: true', {
      details: { param: 'stream_options' },
    })
  }
  return (options as { readonly include_usage?: unknown }).include_usage === true
}
