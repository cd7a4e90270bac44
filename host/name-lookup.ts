import { lookup } from 'node:dns/promises'

/** IP addresses of a host name; none where it does not resolve in time. */
export type NameLookup = (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>

/** Long enough that one query over the DHT asks once, short enough that a moved peer is found again. */
const CACHE_MS = 60_000
/** Strangers choose the names, so what is kept of them is bounded. */
const MAX_CACHED = 256
const LOOKUP_TIMEOUT_MS = 2_000
/** Of one name. */
const MAX_ADDRESSES = 8

/** A lookup through the system's resolver that remembers answers, failures too. */
export function createNameLookup(now: () => number): NameLookup {
  const cache = new Map<string, { readonly until: number; readonly ips: Promise<string[]> }>()
  return (name, family) => {
    const key = `${family} ${name}`
    const known = cache.get(key)
    if (known !== undefined && known.until > now()) return known.ips
    const ips = resolve(name, family)
    cache.delete(key)
    cache.set(key, { until: now() + CACHE_MS, ips })
    const oldest = cache.keys().next().value
    if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest)
    return ips
  }
}

async function resolve(name: string, family: 0 | 4 | 6): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), LOOKUP_TIMEOUT_MS)
  })
  try {
    const found = await Promise.race([lookup(name, { all: true, family }), timeout])
    return found.slice(0, MAX_ADDRESSES).map(({ address }) => address)
  } catch {
    return []
  } finally {
    clearTimeout(timer)
  }
}
