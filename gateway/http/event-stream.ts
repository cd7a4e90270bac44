const encoder = new TextEncoder()

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

export interface StreamInit {
  /** A comment goes out after each pause of this length. */
  readonly keepAliveMs: number
  /** The comment. Formats that have none leave it out, and their streams are not kept alive. */
  readonly keepAlive?: string
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends text as it comes. It is asked for as the reader takes it, so that a slow reader slows the engine; a reader that
 * leaves ends the work.
 *
 * @param texts must not throw: what fails after the first byte is told in the stream
 */
export function streamResponse(
  texts: AsyncIterator<string, void, void>,
  init: StreamInit,
): Response {
  const { keepAliveMs, keepAlive, contentType = 'text/event-stream' } = init
  let pending: Promise<IteratorResult<string, void>> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= texts.next()
        const result = keepAlive === undefined ? await pending : await within(pending, keepAliveMs)
        if (result === undefined) {
          controller.enqueue(encoder.encode(keepAlive))
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
      ...init.headers,
    },
  })
}

/** {@link streamResponse} in the form of server-sent events. */
export function eventStream(
  texts: AsyncIterator<string, void, void>,
  init: Omit<StreamInit, 'keepAlive'>,
): Response {
  return streamResponse(texts, { ...init, keepAlive: KEEP_ALIVE })
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
