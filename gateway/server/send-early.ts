import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Clock, IdleTimer } from '../../timing/index.ts'

/** Bounds on what is read of a body after its answer. The times are those of nginx's lingering close. */
export const DISCARD_LIMITS = {
  /** The longest body that the gateway takes, a file for a batch. */
  bytes: 67_108_864,
  ms: 30_000,
  /** Without a byte. */
  silentMs: 5_000,
} as const

/**
 * Sends a refusal to a caller that is still sending its body, and reads on for a while: a connection that is closed with
 * bytes unread is reset, and most callers then report the reset instead of reading the refusal. Never rejects.
 */
export async function sendEarly(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  refusal: Response,
  clock: Clock,
): Promise<void> {
  const body = Buffer.from(await refusal.arrayBuffer())
  if (outgoing.destroyed) return
  outgoing.writeHead(refusal.status, {
    ...Object.fromEntries(refusal.headers),
    'content-length': body.length,
  })
  outgoing.write(body)
  await discarded(incoming, clock)
  // The next request would follow the rest of this one.
  if (!incoming.complete) outgoing.once('finish', () => incoming.socket.destroySoon())
  outgoing.end()
}

/** Resolves at the end of the body or of the connection, or at a limit. */
function discarded(incoming: IncomingMessage, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const silence = new IdleTimer(DISCARD_LIMITS.silentMs, stop, clock)
    const deadline = clock.after(DISCARD_LIMITS.ms, stop)
    function stop(): void {
      silence[Symbol.dispose]()
      deadline[Symbol.dispose]()
      resolve()
    }
    // The reader that gave up would pause it, and keep what it gets.
    incoming.removeAllListeners('data')
    incoming.on('data', ({ length }: Uint8Array) => {
      silence.touch()
      bytes += length
      if (bytes > DISCARD_LIMITS.bytes) stop()
    })
    incoming.once('close', stop).once('end', stop).once('error', stop)
    if (incoming.destroyed) stop()
    else incoming.resume()
  })
}
