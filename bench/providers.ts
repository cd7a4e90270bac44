import { createHost, type Host } from '../host/index.ts'
import { modelKey } from '../protocol/index.ts'
import { percentile, type Report, round } from './report.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const MODELS = 10
const LOOKUPS = 40

type Lookups = Readonly<
  Record<
    'hosts' | 'up s' | 'provide p50 ms' | 'first p50 ms' | 'first p99 ms' | 'full p50 ms',
    number
  >
>

/** `findProviders` over real sockets, every host in this one process. */
export async function providers(quick: boolean): Promise<Report> {
  const rows: Lookups[] = []
  for (const count of quick ? [10, 20] : [20, 50, 100]) rows.push(await measure(count))
  const base = rows[0]?.['first p50 ms'] ?? Number.NaN
  return {
    title: 'look-ups in the DHT, all hosts in one process on one core, peer exchange off',
    rows: rows.map((row) => ({ ...row, ratio: round(row['first p50 ms'] / base) })),
    notes: [
      'first: until the first provider is found, when a client continues; full: until the query has ended.',
      'With 20 hosts every host holds every record (k is 20), so the look-up is local.',
      'All hosts share one thread, so their total CPU time dominates; on separate machines round trips would.',
    ],
  }
}

async function measure(count: number): Promise<Lookups> {
  const hosts: Host[] = []
  const startedAt = performance.now()
  try {
    while (hosts.length < count) {
      const bootstrap = hosts.slice(0, 3).flatMap((host) => host.addresses().map(String))
      const init = { dht: 'server', listen: [LOOPBACK], bootstrap, peerExchange: false } as const
      hosts.push(await createHost(init))
    }
    await Promise.all(hosts.slice(1).map((host) => host.joined({ timeoutMs: 30_000 })))
    const upMs = performance.now() - startedAt
    const keys = await Promise.all(
      Array.from({ length: MODELS }, (_, model) => modelKey(`model-${model}`, 0)),
    )
    const provides: number[] = []
    for (const [index, key] of keys.entries()) {
      const begin = performance.now()
      await hostAt(hosts, 7 * index + 5).provide(key, { signal: AbortSignal.timeout(30_000) })
      provides.push(performance.now() - begin)
    }
    const firsts: number[] = []
    const fulls: number[] = []
    for (let lookup = 0; lookup < LOOKUPS; lookup++) {
      const key = keys[lookup % keys.length]
      if (key === undefined) continue
      const provider = hostAt(hosts, 7 * (lookup % keys.length) + 5).peerId
      const candidate = hostAt(hosts, 11 * lookup + 2)
      const asker = candidate.peerId.equals(provider) ? hostAt(hosts, 11 * lookup + 3) : candidate
      const begin = performance.now()
      let first: number | undefined
      for await (const found of asker.findProviders(key, { signal: AbortSignal.timeout(30_000) })) {
        if (found.equals(provider)) first ??= performance.now() - begin
      }
      if (first === undefined)
        throw new Error(`lookup ${lookup}: a provider was not found among ${count} hosts`)
      firsts.push(first)
      fulls.push(performance.now() - begin)
    }
    return {
      hosts: count,
      'up s': round(upMs / 1000),
      'provide p50 ms': round(percentile(provides, 0.5)),
      'first p50 ms': round(percentile(firsts, 0.5)),
      'first p99 ms': round(percentile(firsts, 0.99)),
      'full p50 ms': round(percentile(fulls, 0.5)),
    }
  } finally {
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()))
  }
}

function hostAt(hosts: readonly Host[], index: number): Host {
  const host = hosts[index % hosts.length]
  if (host === undefined) throw new Error('no hosts')
  return host
}
