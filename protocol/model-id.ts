import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { fromString } from 'uint8arrays/from-string'
import { InferenceError } from './errors.ts'
import { LIMITS } from './limits.ts'

/** A popular model's provider records are spread over this many keys, so that no 20 peers hold them all. */
export const MODEL_KEY_SHARDS = 4

const DIGEST = /^sha256:[0-9a-f]{64}$/
/** Digits of a digest in listings. */
const DIGEST_BEGINNING = /^sha256:[0-9a-f]{12,64}$/

/** A model id, with or without a digest that pins its weights. */
export interface ModelReference {
  /** Normalised. */
  readonly id: string
  /** `sha256:` and 64 hex digits, or the first 12 or more of them. Compare with {@link matchesDigest}. */
  readonly digest?: string
}

/** `sha256:` and 64 lower-case hex digits. */
export function isDigest(value: string): boolean {
  return DIGEST.test(value)
}

/** Whether weights with this digest are those that a reference pins, by the whole digest or its beginning. */
export function matchesDigest(digest: string | undefined, pinned: string): boolean {
  return digest?.startsWith(pinned) === true
}

/** Trims, lower-cases and drops `:latest`, so that one model has one name at every engine. */
export function normalizeModelId(id: string): string {
  return id
    .trim()
    .toLowerCase()
    .replace(/:latest$/, '')
}

/**
 * Reads `id` or `id@sha256:…`, with the whole digest or its first 12 digits or more.
 *
 * @throws InferenceError `invalid_request` for an empty or too long id, or an invalid digest.
 */
export function parseModelReference(text: string): ModelReference {
  const at = text.indexOf('@sha256:')
  const id = normalizeModelId(at < 0 ? text : text.slice(0, at))
  if (id === '' || id.length > LIMITS.maxNameLength) {
    throw new InferenceError(
      'invalid_request',
      `a model id has 1 to ${LIMITS.maxNameLength} characters`,
      { details: { param: 'model' } },
    )
  }
  if (at < 0) return { id }
  const digest = text
    .slice(at + 1)
    .trim()
    .toLowerCase()
  if (!DIGEST_BEGINNING.test(digest)) {
    throw new InferenceError(
      'invalid_request',
      `not a digest: '${digest.slice(0, 80)}' (sha256: and 12 to 64 hex digits, as listings show them)`,
      { details: { param: 'model' } },
    )
  }
  return { id, digest }
}

async function key(name: string, shard: number): Promise<CID> {
  return CID.createV1(raw.code, await sha256.digest(fromString(`skein/${name}/${shard}`)))
}

/** DHT key of one shard of a model: sha256 of `skein/model/<normalised id>/<shard>`, as a raw CIDv1. */
export function modelKey(id: string, shard: number): Promise<CID> {
  return key(`model/${normalizeModelId(id)}`, shard)
}

/** DHT key of one shard of the set of all nodes: sha256 of `skein/node/<shard>`, as a raw CIDv1. */
export function nodeKey(shard: number): Promise<CID> {
  return key('node', shard)
}
