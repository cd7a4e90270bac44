/** Time for an engine to end its answer after that. */
const REST_MS = 1_000

/** Reads the end of an answer, so that its connection can carry the next request. Never rejects. */
export async function readRest(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const leave = (): void => void reader.cancel().catch(() => {})
  const late = setTimeout(leave, REST_MS)
  late.unref()
  try {
    // Anything but the end is not part of the answer.
    if (!(await reader.read()).done) leave()
  } catch {
    // The connection is gone, which the next request finds out.
  } finally {
    clearTimeout(late)
  }
}
