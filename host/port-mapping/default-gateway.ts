import { readFile } from 'node:fs/promises'

const ROUTES = '/proc/net/route'

/**
 * The IPv4 address of the router. Where the system does not show it, the first address of a /24, which most routers of
 * homes have.
 *
 * @param lanIp this machine's address in the LAN
 */
export async function defaultGateway(lanIp: string): Promise<string> {
  const routes = await readFile(ROUTES, 'utf8').catch(() => '')
  return gatewayIn(routes) ?? lanIp.replace(/\.\d+$/, '.1')
}

/** The gateway of the default route in the format of `/proc/net/route`. */
export function gatewayIn(routes: string): string | undefined {
  for (const line of routes.split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split('\t')
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway)) continue
    if (gateway === '00000000') continue
    // Little-endian hexadecimal.
    return [...Buffer.from(gateway, 'hex').reverse()].join('.')
  }
  return undefined
}
