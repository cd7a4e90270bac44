import type { ServerResponse } from 'node:http'
import type { Texts } from '../http/index.ts'

/** The head waits so long for the first text, to leave in one packet with it. */
const HEAD_MS = 100

/**
 * Writes a streamed response, the head together with a first text that comes soon. Reads on as the caller does, and cancels the texts if
 * the caller leaves. Never rejects.
 */
export async function sendTexts(
  outgoing: ServerResponse,
  { status, headers }: Pick<Response, 'headers' | 'status'>,
  texts: Texts,
): Promise<void> {
  const leave = (): void => void texts.cancel().catch(() => {})
  if (outgoing.destroyed) return leave()
  outgoing.on('close', leave)
  const late = setTimeout(() => outgoing.flushHeaders(), HEAD_MS)
  try {
    outgoing.writeHead(status, Object.fromEntries(headers))
    for (let isLast = false; !isLast; ) {
      const part = await texts.read()
      clearTimeout(late)
      if (outgoing.destroyed) return
      isLast = part.isLast
      if (isLast) outgoing.end(part.text)
      else if (!outgoing.write(part.text)) await drained(outgoing)
    }
  } catch (error) {
    leave()
    outgoing.destroy(error instanceof Error ? error : new Error(String(error)))
  } finally {
    clearTimeout(late)
    outgoing.off('close', leave)
  }
}

/** Resolves when more can be written, or none any longer. */
function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done)
      outgoing.off('close', done)
      resolve()
    }
    outgoing.on('drain', done)
    outgoing.on('close', done)
  })
}
