import http from 'node:http'
import { isIPv6 } from 'node:net'
import type { Environment } from './environment.ts'
import type { Session } from './runtime.ts'

/** Engines of this machine are asked directly. */
const DIRECT = ['localhost', '127.0.0.1', '[::1]']

/**
 * The proxies of an environment, as Node takes them: a name without a scheme, and an IPv6 address without brackets, which
 * other programs accept, too. Lower-case names count where those in capitals are unset or empty.
 *
 * @returns undefined without a proxy
 */
export function proxiesOf(env: Environment): Readonly<Record<string, string>> | undefined {
  const setting = (name: string): string =>
    env[name]?.trim() || env[name.toLowerCase()]?.trim() || ''
  const proxies = Object.fromEntries(
    ['HTTP_PROXY', 'HTTPS_PROXY']
      .map((name) => [name, setting(name)] as const)
      .filter(([, proxy]) => proxy !== '')
      .map(([name, proxy]) => [name, proxy.includes('://') ? proxy : `http://${proxy}`]),
  )
  if (Object.keys(proxies).length === 0) return undefined
  const excepted = setting('NO_PROXY')
    .split(/[\s,]+/)
    .filter((host) => host !== '')
    .map((host) => (isIPv6(host) ? `[${host}]` : host))
  return { ...proxies, NO_PROXY: [...excepted, ...DIRECT].join(',') }
}

/**
 * Sends downloads and requests to providers through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, where this
 * Node can do so. One that is no address is reported, and not used.
 */
export function useProxy({ env, terminal }: Pick<Session, 'env' | 'terminal'>): void {
  const proxies = proxiesOf(env)
  if (proxies === undefined) return
  const unused = (why: string): void => {
    const names = Object.keys(proxies).filter((name) => name !== 'NO_PROXY')
    terminal.log(`${names.join(' and ')}: not used, because ${why}.`, { level: 'warn' })
  }
  const { setGlobalProxyFromEnv: use } = http as Partial<Pick<typeof http, 'setGlobalProxyFromEnv'>>
  if (use === undefined) {
    unused('this Node cannot do so, Node 24 can')
    return
  }
  try {
    use(proxies)
  } catch {
    // Its message has the address, with a password perhaps.
    unused('it is no address like http://proxy.example:3128')
  }
}
