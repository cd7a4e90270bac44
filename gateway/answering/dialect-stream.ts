import type { Context } from 'hono'
import type { Answer, ServedChunk } from '../../client/index.ts'
import { InferenceError, plainError } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { failureOf, servedHeaders, type TextStreamInit, textStream } from '../http/index.ts'
import { DialectText } from './dialect-text.ts'
import type { DialectWriter } from './dialect-writer.ts'
import { type GivenHints, ignoreHints } from './ignored.ts'
import { openAnswer } from './opened-answer.ts'

export interface DialectStreamInit<T>
  extends Omit<TextStreamInit, 'first' | 'headers' | 'keepAliveMs'> {
  readonly writer: DialectWriter<T & ServedChunk>
  /** A failure in the caller's words. */
  readonly reworded?: (failure: InferenceError) => InferenceError
  readonly hints?: GivenHints
}

/**
 * Streams an answer in a dialect. Failures after the first byte are sent as the dialect defines them.
 *
 * @throws failures before the first piece
 */
export async function streamDialect<T extends { readonly model: string }>(
  c: Context<GatewayEnv>,
  context: GatewayContext,
  answer: Answer<T>,
  init: DialectStreamInit<T>,
): Promise<Response> {
  const { writer, reworded, hints } = init
  const { limits, log, metrics } = context
  const { signal } = c.req.raw
  const opened = await openAnswer(answer, {
    waitMs: limits.keepAliveMs,
    startedAt: c.get('startedAt'),
  })
  if (hints !== undefined && opened.served !== undefined) {
    ignoreHints(c, context, hints, opened.served)
  }
  const text = new DialectText<T & ServedChunk>({
    writer,
    onGap: (ms) => metrics?.gap(ms),
    end: () => {
      if (answer.usage !== undefined) return writer.end(answer.usage, answer.event?.verification)
      throw new InferenceError('truncated', 'the answer ended without its usage')
    },
    fail: (error) => {
      const given = failureOf(error, signal)
      const failure = reworded?.(given) ?? given
      if (failure.code === 'internal') log(`a stream failed: ${plainError(failure)}`)
      c.set('broken', true)
      return writer.fail(failure)
    },
  })
  const { keepAliveMs } = limits
  return textStream(opened.chunks, text, {
    ...init,
    keepAliveMs,
    ...(opened.served === undefined
      ? { first: text.begin() }
      : { headers: servedHeaders(opened.served) }),
  })
}
