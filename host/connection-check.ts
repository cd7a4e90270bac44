import type { Connection } from '@libp2p/interface'
import { type Clock, openScope, settledWithin } from '../timing/index.ts'
import { messagesOver } from './early-streams.ts'

const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_BYTES = 32

/** Checks under way: peers accept few pings at a time, and one answer serves all that ask. */
const CHECKS = new WeakMap<Connection, Promise<boolean>>()

/**
 * Whether the peer at the other end of this very connection is alive: it answers, or sends anything else. An answer may
 * wait for seconds behind what this machine uploads.
 *
 * @param timeoutMs of silence, after which it is not
 */
export async function answers(
  connection: Connection,
  timeoutMs: number,
  clock: Clock,
): Promise<boolean> {
  const known = CHECKS.get(connection)
  if (known !== undefined) return await known
  const check = ping(connection, timeoutMs, clock).finally(() => CHECKS.delete(connection))
  CHECKS.set(connection, check)
  return await check
}

/** The part of a `@libp2p/yamux` 8 muxer that its interface leaves out. */
interface PingingMuxer {
  /** One frame each way, where a stream takes a dozen. A late answer to one that was given up would end the connection, so this never is. */
  ping?(): Promise<unknown>
}

async function ping(connection: Connection, timeoutMs: number, clock: Clock): Promise<boolean> {
  if (connection.status !== 'open') return false
  const before = messagesOver(connection)
  const isHeard = (): boolean => connection.status === 'open' && messagesOver(connection) > before
  const { muxer } = connection as unknown as { readonly muxer?: PingingMuxer }
  const pong = muxer?.ping?.()
  if (pong === undefined) return await pingOverStream(connection, timeoutMs, clock, isHeard)
  let answered = false
  const noted = pong.then(() => {
    answered = true
  })
  await settledWithin(noted, timeoutMs, { clock })
  return answered || isHeard()
}

/** For muxers without pings. */
async function pingOverStream(
  connection: Connection,
  timeoutMs: number,
  clock: Clock,
  isHeard: () => boolean,
): Promise<boolean> {
  using scope = openScope({ timeoutMs, clock })
  const { signal } = scope
  try {
    const stream = await connection.newStream(PING_PROTOCOL, {
      signal,
      runOnLimitedConnection: true,
    })
    try {
      return await new Promise<boolean>((resolve) => {
        stream.addEventListener('message', () => resolve(true), { once: true })
        stream.addEventListener('close', () => resolve(isHeard()), { once: true })
        signal.addEventListener('abort', () => resolve(isHeard()), { once: true })
        stream.send(new Uint8Array(PING_BYTES))
      })
    } finally {
      stream.abort(new Error('the check is over'))
    }
  } catch (error) {
    // A peer that refuses the ping is alive.
    return (error as Error).name === 'UnsupportedProtocolError' || isHeard()
  }
}
