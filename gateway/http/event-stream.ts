const encoder = new TextEncoder()

/** Text that leaves as one write. */
const MAX_WRITE_CHARS = 16_384

/** A comment in an event stream: clients skip it, proxies see that the connection lives. */
const KEEP_ALIVE = ': keep-alive\n\n'

export interface TextStreamInit {
  /** `keepAlive` is sent after each pause of this length. */
  readonly keepAliveMs: number
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
        pending ??= nextText(texts)
        const result = await within(pending, keepAliveMs)
        if (result === undefined) {
          controller.enqueue(encoder.encode(keepAlive()))
          return
        }
        pending = undefined
        let text = ''
        const turn = nextTurn()
        for (let next: IteratorResult<string, void> | undefined = result; next !== undefined; ) {
          if (next.done === true) {
            if (text !== '') controller.enqueue(encoder.encode(text))
            controller.close()
            return
          }
          text += next.value
          if (text.length >= MAX_WRITE_CHARS) break
          pending = nextText(texts)
          next = await Promise.race([pending, turn])
          if (next !== undefined) pending = undefined
        }
        controller.enqueue(encoder.encode(text))
      },
      async cancel() {
        await texts.return?.()
      },
    },
    // Nothing is pulled before the reader does.
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

/** The next text that is not empty. */
async function nextText(
  texts: AsyncIterator<string, void, void>,
): Promise<IteratorResult<string, void>> {
  for (;;) {
    const result = await texts.next()
    if (result.done === true || result.value !== '') return result
  }
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => {
    setImmediate(resolve, undefined)
  })
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
