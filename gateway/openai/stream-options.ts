import type { Context } from 'hono'
import { InferenceError } from '../../protocol/index.ts'
import type { JsonBody } from '../http/index.ts'

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

/** Whether each chunk of the stream should name the peer that wrote it. */
export function wantsPeers(c: Context): boolean {
  return c.req.header('x-skein-show-peers') === 'true'
}
