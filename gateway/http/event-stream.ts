import { type TextForm, TextSource, type TextSourceInit } from './text-source.ts'

const encoder = new TextEncoder()

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

/** The texts of bodies, for servers, which write them without a web stream in between. */
const sources = new WeakMap<ReadableStream, Texts>()

/** The text of a body, in parts. */
export type Texts = Pick<TextSource<unknown>, 'cancel' | 'read'>

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
  const { contentType = 'text/event-stream' } = init
  const source = new TextSource(pieces, form, { keepAliveMs, keepAlive, first })
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { text, isLast } = await source.read()
        if (text !== '') controller.enqueue(encoder.encode(text))
        if (isLast) controller.close()
      },
      cancel: () => source.cancel(),
    },
    // Nothing is pulled before the reader does.
    { highWaterMark: 0 },
  )
  sources.set(body, source)
  const response = new Response(body)
  const { headers } = response
  headers.set('content-type', contentType)
  headers.set('cache-control', 'no-cache')
  headers.set('x-accel-buffering', 'no')
  // One by one: a record would be copied and converted first.
  const more = init.headers ?? {}
  for (const name in more) headers.set(name, more[name] ?? '')
  return response
}

/** The texts of a response that {@link textStream} made, to be read instead of its body. Absent for any other body. */
export function textsOf({ body }: Response): Texts | undefined {
  return body === null || body.locked ? undefined : sources.get(body)
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
