const encoder = new TextEncoder()

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

export interface TextStreamInit {
  /** `keepAlive` goes out after each pause of this length. */
  readonly keepAliveMs: number
  /** Text that says nothing, in the form of the stream. @default a comment of server-sent events */
  readonly keepAlive?: () => string
  /** @default text/event-stream */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends texts as they come. They are asked for as the reader takes them, so that a slow reader slows the engine; a
 * reader that leaves ends the work.
 *
 * @param texts must not throw: what fails after the first byte is told in the stream
 */
export function textStream(
  texts: AsyncIterator<string, void, void>,
  init: TextStreamInit,
): Response {
  const {
    keepAliveMs,
    keepAlive = () => KEEP_ALIVE,
    contentType = 'text/event-stream',
    headers,
  } = init
  let pending: Promise<IteratorResult<string, void>> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= texts.next()
        const result = await within(pending, keepAliveMs)
        if (result === undefined) {
          controller.enqueue(encoder.encode(keepAlive()))
          return
        }
        pending = undefined
        if (result.done === true) controller.close()
        else controller.enqueue(encoder.encode(result.value))
      },
      async cancel() {
        await texts.return?.()
      },
    },
    // Nothing is asked for before the reader wants it.
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'content-type': contentType,
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...headers,
    },
  })
}

/** {@link textStream} in the form of server-sent events. */
export function eventStream(
  texts: AsyncIterator<string, void, void>,
  init: Pick<TextStreamInit, 'headers' | 'keepAliveMs'>,
): Response {
  return textStream(texts, init)
}

/** One event: its data as JSON, and its name where the format has names. */
export function sse(data: unknown, event?: string): string {
  const name = event === undefined ? '' : `event: ${event}\n`
  return `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** What a promise gives within a time, else `undefined`; the promise goes on. */
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
