import { networkInterfaces } from 'node:os'

/** Addresses of this machine. */
type Interfaces = () => ReturnType<typeof networkInterfaces>

/**
 * The URLs that callers can use for a server that listens on all addresses, which none can use: first that of this
 * machine, then those for others. For any other server its own.
 */
export function usableUrls(url: string, interfaces: Interfaces = networkInterfaces): string[] {
  const { hostname, port } = new URL(url)
  const isAnyIpv6 = hostname === '[::]'
  if (hostname !== '0.0.0.0' && !isAnyIpv6) return [url]
  const outside = Object.values(interfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, family, address }) => {
      if (internal || address.startsWith('fe80')) return false
      return family === 'IPv4' || isAnyIpv6
    })
  const hosts = ['127.0.0.1', ...outside.map(bracketed)]
  return hosts.map((host) => `http://${host}:${port}`)
}

function bracketed({
  family,
  address,
}: {
  readonly family: string
  readonly address: string
}): string {
  return family === 'IPv6' ? `[${address}]` : address
}
