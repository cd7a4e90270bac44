const encoder = new TextEncoder()

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

export interface EventStreamInit {
  /** A comment goes out after each pause of this length. */
  readonly keepAliveMs: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends server-sent events as they come. They are asked for as the reader takes them, so that a slow reader slows the
 * engine; a reader that leaves ends the work.
 *
 * @param texts must not throw: what fails after the first byte is told in the stream
 */
export function eventStream(
  texts: AsyncIterator<string, void, void>,
  { keepAliveMs, headers }: EventStreamInit,
): Response {
  let pending: Promise<IteratorResult<string, void>> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= texts.next()
        const result = await within(pending, keepAliveMs)
        if (result === undefined) {
          controller.enqueue(encoder.encode(KEEP_ALIVE))
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
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      ...headers,
    },
  })
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
