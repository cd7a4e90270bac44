import { lookup } from 'node:dns/promises'
import { LRUCache } from 'lru-cache'
import { openScope, raceSignal } from '../timing/index.ts'
import { TaskPool } from './task-pool.ts'

/** IP addresses of a host name; empty if it does not resolve in time. */
export type NameLookup = (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>

/** Long enough that one query over the DHT asks once, short enough that a moved peer is found again. */
const CACHE_MS = 60_000
/** Strangers choose the names, so the cache is bounded. */
const MAX_CACHED = 256
const LOOKUP_TIMEOUT_MS = 2_000
/** Time limit for one name. */
const MAX_ADDRESSES = 8
/** Each occupies one of the process's four worker threads until the system's resolver times out, which may be long after our limit. */
const CONCURRENCY = 2
const MAX_WAITING = 64

/** The system's resolver. */
type Resolver = (
  name: string,
  options: { all: true; family: 0 | 4 | 6 },
) => Promise<readonly { readonly address: string }[]>

interface CachedNames {
  readonly until: number
  readonly ips: Promise<string[]>
}

/** A lookup through the system's resolver with a cache of answers and failures. */
export function createNameLookup(now: () => number, resolver: Resolver = lookup): NameLookup {
  const pool = new TaskPool({ concurrency: CONCURRENCY, maxWaiting: MAX_WAITING })
  const cache = new LRUCache<string, CachedNames>({ max: MAX_CACHED })
  return (name, family) => {
    const key = `${family} ${name}`
    const known = cache.get(key)
    if (known !== undefined && known.until > now()) return known.ips
    const ips = resolve(pool, () => resolver(name, { all: true, family }))
    cache.set(key, { until: now() + CACHE_MS, ips })
    return ips
  }
}

async function resolve(pool: TaskPool, ask: () => ReturnType<Resolver>): Promise<string[]> {
  using scope = openScope({ timeoutMs: LOOKUP_TIMEOUT_MS })
  const { signal } = scope
  const answer = new Promise<Awaited<ReturnType<Resolver>>>((found, reject) => {
    const offered = pool.offer(async () => {
      if (!signal.aborted) await ask().then(found, reject)
    })
    if (!offered) reject(new Error('too many names at a time'))
  })
  try {
    const found = await raceSignal(answer, signal)
    return found.slice(0, MAX_ADDRESSES).map(({ address }) => address)
  } catch {
    return []
  }
}
