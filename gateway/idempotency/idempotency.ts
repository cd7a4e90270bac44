import { createHash } from 'node:crypto'
import type { Context, MiddlewareHandler, Next } from 'hono'
import { LRUCache } from 'lru-cache'
import { InferenceError } from '../../protocol/index.ts'
import { askingHeaders, optionsOf } from '../answering/index.ts'
import type { GatewayEnv } from '../context.ts'
import type { GatewayLimits } from '../defaults.ts'
import { readBody } from '../http/index.ts'
import { StoredAnswer } from './stored-answer.ts'

const HEADER = 'idempotency-key'
/** Longest key, as at other providers. */
const MAX_KEY_LENGTH = 256

interface Entry {
  readonly bodyHash: string
  readonly answer: Promise<StoredAnswer>
}

/**
 * A repeated `Idempotency-Key` joins the running request, or gets the stored answer, for a while. Keys are scoped by API
 * key and its rights, path and request options: an answer that other peers saw, or that was not verified, does not satisfy a request
 * that forbids this. The same key with another body is an error. Failures are not stored, so that they can be
 * retried.
 *
 * @param rightsOf a caller's key and its rights, as they are now
 */
export function idempotency(
  limits: GatewayLimits,
  rightsOf: (caller: string) => object,
): MiddlewareHandler<GatewayEnv> {
  const { idempotencyGraceMs, idempotencyTtlMs, maxStoredBytes } = limits
  const maxBytes = Math.floor(maxStoredBytes / 4)
  const running = new Map<string, Entry>()
  const stored = new LRUCache<string, Entry & { readonly bytes: number }>({
    ttl: idempotencyTtlMs,
    maxSize: maxStoredBytes,
    sizeCalculation: ({ bytes }) => bytes + 1_024,
  })
  const once = async (c: Context<GatewayEnv>, next: Next, key: string): Promise<undefined> => {
    const body = await readBody(c)
    c.set('body', body)
    const bodyHash = createHash('sha256').update(body).digest('hex')
    // The timeout and the hops do not change the answer.
    const {
      timeoutMs: _,
      hops: __,
      ttftTimeoutMs: ___,
      ...how
    } = optionsOf(askingHeaders(c.req.raw.headers), {
      limits,
    })
    const caller = c.get('caller') ?? ''
    const slot = JSON.stringify([caller, rightsOf(caller), c.req.path, key, how])
    const known = running.get(slot) ?? stored.get(slot)
    if (known !== undefined) {
      if (known.bodyHash !== bodyHash) {
        throw refusal('this Idempotency-Key was used with another body: use a new one')
      }
      const answer = await known.answer
      if (answer.isWhole) {
        c.res = answer.replay()
        c.header('x-skein-replayed', 'true')
        return undefined
      }
    }
    // The request outlives its caller by the grace period.
    const life = new AbortController()
    const { promise, resolve, reject } = Promise.withResolvers<StoredAnswer>()
    promise.catch(() => {})
    const entry = { bodyHash, answer: promise }
    running.set(slot, entry)
    const { url, method, headers } = c.req.raw
    c.req.raw = new Request(url, { method, headers, signal: life.signal })
    try {
      await next()
    } catch (error) {
      running.delete(slot)
      reject(error)
      throw error
    }
    const response = c.res
    const answer: StoredAnswer = new StoredAnswer(response, {
      graceMs: idempotencyGraceMs,
      maxBytes,
      onEnd: (kept) => {
        if (running.get(slot) === entry) running.delete(slot)
        const { bytes } = answer
        if (kept && response.ok && c.get('broken') !== true) stored.set(slot, { ...entry, bytes })
        if (!kept) life.abort(new InferenceError('cancelled', 'the caller did not return'))
      },
    })
    c.res = undefined
    c.res = answer.replay()
    resolve(answer)
    return undefined
  }
  return (c, next) => {
    const key = c.req.header(HEADER)
    if (key === undefined || c.req.method !== 'POST') return next()
    if (!(c.req.header('content-type') ?? '').includes('json')) return next()
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
      throw refusal(`an Idempotency-Key has to have 1 to ${MAX_KEY_LENGTH} characters`)
    }
    return once(c, next, key)
  }
}

function refusal(message: string): InferenceError {
  return new InferenceError('invalid_request', message, { details: { param: 'Idempotency-Key' } })
}
