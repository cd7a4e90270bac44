import type { Context } from 'hono'
import type { Answer, ServedChunk } from '../../client/index.ts'
import { InferenceError, type OpenAiUsage, plainError } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import {
  failureOf,
  servedHeaders,
  type TextStreamInit,
  textStream,
  type VerificationSummary,
} from '../http/index.ts'
import { type GivenHints, ignoreHints } from './ignored.ts'
import { openAnswer } from './opened-answer.ts'

/** Writes a streamed answer in one dialect. An empty text is not sent. */
export interface DialectWriter<T> {
  /** Called first. `first` is present unless the answer was slow to begin. */
  begin(first: T | undefined): string
  /** @throws InferenceError for a piece that the dialect cannot express */
  take(chunk: T): string
  /**
   * @param verification how the answer was checked, if the caller waited for that
   * @throws InferenceError as `take`
   */
  end(usage: OpenAiUsage, verification: VerificationSummary | undefined): string
  /** Written in place of the remainder and the end. */
  fail(failure: InferenceError): string
}

export interface DialectStreamInit<T> extends Omit<TextStreamInit, 'headers' | 'keepAliveMs'> {
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
  { writer, reworded = (failure) => failure, hints, ...init }: DialectStreamInit<T>,
): Promise<Response> {
  const { limits, log, metrics } = context
  const { signal } = c.req.raw
  const opened = await openAnswer(answer, {
    waitMs: limits.keepAliveMs,
    startedAt: c.get('startedAt'),
  })
  if (hints !== undefined && opened.served !== undefined) {
    ignoreHints(c, context, hints, opened.served)
  }
  async function* written(): AsyncGenerator<string, void, void> {
    let begun = false
    let lastAt: number | undefined
    try {
      if (opened.served === undefined) {
        begun = true
        yield writer.begin(undefined)
      }
      for await (const chunk of opened.chunks) {
        const now = performance.now()
        if (lastAt !== undefined) metrics?.gap(now - lastAt)
        lastAt = now
        if (!begun) yield writer.begin(chunk)
        begun = true
        yield writer.take(chunk)
      }
      if (answer.usage === undefined) {
        throw new InferenceError('truncated', 'the answer ended without its usage')
      }
      yield writer.end(answer.usage, answer.event?.verification)
    } catch (error) {
      const failure = reworded(failureOf(error, signal))
      if (failure.code === 'internal') log(`a stream failed: ${plainError(failure)}`)
      c.set('broken', true)
      yield writer.fail(failure)
    }
  }
  return textStream(written(), {
    ...init,
    keepAliveMs: limits.keepAliveMs,
    ...(opened.served !== undefined && { headers: servedHeaders(opened.served) }),
  })
}
