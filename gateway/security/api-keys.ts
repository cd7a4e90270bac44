import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { InferenceError } from '../../protocol/index.ts'
import type { KeyBudget } from './key-budgets.ts'
import type { RateLimits } from './rate-limit.ts'

/** How often a key's requests have their turn while requests wait: `high` four times for each `normal` one, which has four for each `low` one. */
export type KeyPriority = 'low' | 'normal' | 'high'

/** Turns in the queue, for each turn of a key of priority `normal`. */
export const PRIORITY_WEIGHTS: Readonly<Record<KeyPriority, number>> = {
  low: 1,
  normal: 4,
  high: 16,
}

/** What a key may do. Absent fields do not restrict it. */
export interface KeyRights extends RateLimits {
  /** @default normal */
  readonly priority?: KeyPriority
  /** Tokens in addition to the limits by minute and day; counted across restarts where usage is recorded. */
  readonly budget?: KeyBudget
  /** Ids of the only peers that may see its requests. */
  readonly peers?: readonly string[]
  /** Names of the only own providers that may see its requests. @default all; none where `peers` are named */
  readonly providers?: readonly string[]
  /** Models, aliases and chains by the name that callers use. */
  readonly models?: readonly string[]
  /** It reads `GET /metrics`, and does nothing else. @default false */
  readonly onlyMetrics?: boolean
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

/** Whether the key may do everything: only its priority may be set. */
export function isUnrestrictedKey(key: ApiKey): boolean {
  const { name: _, hash: __, priority: ___, ...rights } = key
  return Object.keys(rights).length === 0
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
