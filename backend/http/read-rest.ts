import type { BodyReader } from './node-fetch.ts'

/** Time for an engine to end its answer after that. */
const REST_MS = 1_000

/**
 * Reads the end of an answer, so that its connection can carry the next request. Never rejects.
 *
 * @param maxBytes before the end; after more the connection is closed
 */
export async function readRest(reader: BodyReader, maxBytes: number = 0): Promise<void> {
  const leave = (): void => void reader.cancel().catch(() => {})
  const late = setTimeout(leave, REST_MS)
  late.unref()
  try {
    for (let bytes = 0; ; ) {
      const { done, value } = await reader.read()
      if (done) return
      bytes += value.byteLength
      if (bytes > maxBytes) return leave()
    }
  } catch {
    // The connection is gone, which the next request finds out.
  } finally {
    clearTimeout(late)
  }
}
