import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ConsoleMessage } from '../../console/index.ts'
import { ERROR_TABLE, type ErrorCode, InferenceError } from '../../protocol/index.ts'
import type { Door } from './door-file.ts'
import type { Order, Reply } from './orders.ts'

/** A process that is alive writes more often. */
const SILENT_MS = 30_000

/**
 * Gives an order to a running process. Yields its replies up to the last.
 *
 * @throws InferenceError as the process failed, `dial_failed` if it does not answer; the signal's reason
 */
export async function* askDoor(
  door: Door,
  order: Order,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Exclude<Reply, { reply: 'failed' }>, void, void> {
  const silent = new AbortController()
  const beat = setTimeout(() => silent.abort(), SILENT_MS)
  const signal = AbortSignal.any([silent.signal, ...(options.signal ? [options.signal] : [])])
  try {
    const response = await fetch(`${door.url}/orders`, {
      method: 'POST',
      headers: { authorization: `Bearer ${door.token}` },
      body: JSON.stringify(order),
      signal,
    })
    for await (const line of linesOf(response)) {
      beat.refresh()
      if (line === '') continue
      const reply = JSON.parse(line) as Reply
      if (reply.reply === 'failed') throw new InferenceError(codeOf(reply.code), reply.message)
      yield reply
      if (reply.reply === 'done') return
    }
    throw new Error('it ended the answer early')
  } catch (cause) {
    options.signal?.throwIfAborted()
    if (InferenceError.is(cause)) throw cause
    const why = silent.signal.aborted ? 'it is silent' : String(cause)
    throw new InferenceError('dial_failed', `process ${door.pid} does not answer: ${why}`, {
      cause,
    })
  } finally {
    clearTimeout(beat)
  }
}

/**
 * The models of a running process. Yields none if it has no models of its own, as a gateway.
 *
 * @throws as {@link askDoor} does
 */
export async function* listModels(
  door: Door,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Extract<Reply, { reply: 'model' }>, void, void> {
  try {
    for await (const reply of askDoor(door, { order: 'list' }, { signal })) {
      if (reply.reply === 'model') yield reply
    }
  } catch (error) {
    if (!InferenceError.is(error, 'invalid_request')) throw error
  }
}

/**
 * Follows the console of a running process. Yields its messages until it stops.
 *
 * @throws InferenceError `dial_failed` if it does not answer; the signal's reason
 */
export async function* followDoor(
  door: Door,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<ConsoleMessage, void, void> {
  try {
    const response = await fetch(`${door.url}/events`, {
      headers: { authorization: `Bearer ${door.token}` },
      signal: options.signal,
    })
    if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`)
    for await (const line of linesOf(response)) {
      if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as ConsoleMessage
    }
  } catch (cause) {
    options.signal.throwIfAborted()
    throw new InferenceError('dial_failed', `process ${door.pid} does not answer: ${cause}`, {
      cause,
    })
  }
}

function linesOf({ body }: Response): AsyncIterable<string> {
  const input = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])
  return createInterface({ input })
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code) ? (code as ErrorCode) : 'internal'
}
