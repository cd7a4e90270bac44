import http from 'node:http'
import type { Session } from './runtime.ts'

/** Engines of this machine are asked directly. */
const DIRECT = 'localhost,127.0.0.1,::1'

/**
 * Sends downloads and requests to providers through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, where this
 * Node can do so.
 */
export function useProxy({ env, terminal }: Pick<Session, 'env' | 'terminal'>): void {
  const setting = (name: string): string => env[name] ?? env[name.toLowerCase()] ?? ''
  const proxies = Object.fromEntries(
    ['HTTP_PROXY', 'HTTPS_PROXY']
      .map((name) => [name, setting(name)] as const)
      .filter(([, proxy]) => proxy !== ''),
  )
  const names = Object.keys(proxies)
  if (names.length === 0) return
  const { setGlobalProxyFromEnv: use } = http as Partial<Pick<typeof http, 'setGlobalProxyFromEnv'>>
  if (use === undefined) {
    const why = 'this Node cannot do so, Node 24 can'
    terminal.log(`${names.join(' and ')}: not used, because ${why}.`, { level: 'warn' })
    return
  }
  use({ ...proxies, NO_PROXY: [setting('NO_PROXY'), DIRECT].filter(Boolean).join(',') })
}
