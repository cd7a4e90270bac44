/**
 * The contract of `fetch` on abort: it rejects with the signal's reason, and so does a body that is
 * being read.
 *
 * @throws the signal's reason
 */
export async function untilAborted(
  signal: AbortSignal,
  respond: () => Promise<Response>,
): Promise<Response> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const pending = respond()
  try {
    const response = await Promise.race([pending, aborted.promise])
    if (response.body === null) return response
    return new Response(abortable(response.body, signal), response)
  } catch (error) {
    // A late answer has no reader.
    pending.then((late) => late.body?.cancel()).catch(() => {})
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** The same bytes, pulled by the reader. */
function abortable(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let onAbort = (): void => {}
  const leave = (): void => signal.removeEventListener('abort', onAbort)
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        onAbort = () => {
          controller.error(signal.reason)
          reader.cancel(signal.reason).catch(() => {})
        }
        if (signal.aborted) onAbort()
        else signal.addEventListener('abort', onAbort, { once: true })
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (signal.aborted) return
          if (!done) return controller.enqueue(value)
          leave()
          controller.close()
        } catch (error) {
          leave()
          if (!signal.aborted) controller.error(error)
        }
      },
      async cancel(reason) {
        leave()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
