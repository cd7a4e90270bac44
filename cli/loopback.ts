import { networkInterfaces } from 'node:os'

const IPV4 = '127.0.0.1'
const IPV6 = '::1'

/** The address with which this machine reaches itself: that of IPv4, unless it only has that of IPv6. */
export function loopbackAddress(interfaces: typeof networkInterfaces = networkInterfaces): string {
  const own = Object.values(interfaces()).flatMap((entries) => entries ?? [])
  const has = (address: string): boolean => own.some((entry) => entry.address === address)
  return !has(IPV4) && has(IPV6) ? IPV6 : IPV4
}

/** A server's host as typed, or by default; 127.0.0.1 stands for this machine. */
export function ownHost(host: string = IPV4): string {
  return host === IPV4 ? loopbackAddress() : host
}
