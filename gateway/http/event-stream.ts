import { TextSource, type TextSourceInit } from './text-source.ts'

const encoder = new TextEncoder()

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

/** The texts of bodies, for servers, which write them without a web stream in between. */
const sources = new WeakMap<ReadableStream, TextSource>()

export interface TextStreamInit extends Pick<TextSourceInit, 'keepAliveMs'> {
  /** Text without content, in the format of the stream. @default a comment of server-sent events */
  readonly keepAlive?: () => string
  /** @default text/event-stream */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends texts as they arrive; those of one turn of the event loop leave as one write. They are pulled by the reader, so a
 * slow reader slows the engine, and a reader that leaves cancels the work.
 *
 * @param texts must not throw: failures after the first byte are part of the stream. Empty ones are not sent
 */
export function textStream(
  texts: AsyncIterator<string, void, void>,
  init: TextStreamInit,
): Response {
  const { keepAliveMs, keepAlive = () => KEEP_ALIVE, contentType = 'text/event-stream' } = init
  const source = new TextSource(texts, { keepAliveMs, keepAlive })
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
  return new Response(body, {
    headers: {
      'content-type': contentType,
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...init.headers,
    },
  })
}

/** The texts of a response that {@link textStream} made, to be read instead of its body. Absent for any other body. */
export function textsOf({ body }: Response): TextSource | undefined {
  return body === null || body.locked ? undefined : sources.get(body)
}

/** One event: data as JSON, and its name if the format has names. */
export function sse(data: unknown, event?: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`
  return `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** The result of a promise, or `undefined` after a time; the promise continues. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
