import { StreamedResponse } from './streamed-response.ts'
import { type TextForm, TextSource, type TextSourceInit } from './text-source.ts'

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

export interface TextStreamInit extends Pick<TextSourceInit, 'first' | 'keepAliveMs'> {
  /** Text without content, in the format of the stream. @default a comment of server-sent events */
  readonly keepAlive?: () => string
  /** @default text/event-stream */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends pieces as text as they arrive; those of one turn of the event loop leave as one write. They are pulled by the
 * reader, so a slow reader slows the engine, and a reader that leaves cancels the work.
 */
export function textStream<T>(
  pieces: AsyncIterator<T>,
  form: TextForm<T>,
  init: TextStreamInit,
): Response {
  const { keepAliveMs, first = '', keepAlive = () => KEEP_ALIVE } = init
  const { contentType = 'text/event-stream', headers: more = {} } = init
  const source = new TextSource(pieces, form, { keepAliveMs, keepAlive, first })
  const headers = new Map<string, string>()
  headers.set('content-type', contentType)
  headers.set('cache-control', 'no-cache')
  headers.set('x-accel-buffering', 'no')
  for (const name in more) headers.set(name, more[name] ?? '')
  // What reads it takes no more of a response than it has.
  return new StreamedResponse(source, headers) as unknown as Response
}

/** One event: data as JSON, and its name if the format has names. */
export function sse(data: unknown, event?: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`
  return `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** The result of a promise, or `undefined` after a time; the promise continues, and may reject unheard. */
export function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, undefined)
    promise.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
