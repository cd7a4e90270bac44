import { networkInterfaces } from 'node:os'

/** The IP addresses of this machine, without loopback and link-local ones. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).flatMap(({ internal, address }) =>
      internal || address.startsWith('fe80') ? [] : [address],
    ),
  )
}
