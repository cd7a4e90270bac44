import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { InferenceError } from '../../protocol/index.ts'
import type { RateLimits } from './rate-limit.ts'

/** What a key may do. Absent fields do not restrict it. */
export interface KeyRights extends RateLimits {
  /** Models, aliases and chains by the name that callers use. */
  readonly models?: readonly string[]
  /** Milliseconds since 1970. */
  readonly expiresAtMs?: number
}

/** A stored key: only its hash. */
export interface ApiKey extends KeyRights {
  /** Name of its owner, used for limits, files and batches. */
  readonly name: string
  /** Sha-256 of the key, 64 hex digits. A key has 256 random bits, so that a slow hash would add nothing. */
  readonly hash: string
}

/** Generates a key. Show it once and store only its hash. */
export function createApiKey(
  name: string,
  rights: KeyRights = {},
): { readonly key: string; readonly kept: ApiKey } {
  const key = `sk-skein-${randomBytes(32).toString('base64url')}`
  return { key, kept: { name, hash: sha256(key).toString('hex'), ...rights } }
}

/**
 * Authenticates a request. The key is read from `Authorization: Bearer`, as OpenAI's clients send it, and in
 * `x-api-key`, as Anthropic's do. All keys are compared in constant time.
 *
 * @throws InferenceError `unauthorized`
 */
export function authenticate(headers: Headers, keys: readonly ApiKey[]): ApiKey {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const given = bearer ?? headers.get('x-api-key') ?? ''
  const hash = sha256(given)
  let found: ApiKey | undefined
  for (const key of keys) {
    const bytes = Buffer.from(key.hash, 'hex')
    if (bytes.length === hash.length && timingSafeEqual(bytes, hash)) found = key
  }
  if (found !== undefined) return found
  throw new InferenceError(
    'unauthorized',
    given === ''
      ? 'this gateway requires an API key: send it as Authorization: Bearer …'
      : 'invalid API key',
  )
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
