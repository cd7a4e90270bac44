import type { EventEmitter } from 'node:events'
import type { Gateway, PortMapping } from '@achingbrain/nat-port-mapper'
import { defaultGateway } from './default-gateway.ts'
import { PORT_MAPPING } from './limits.ts'

/** A TCP port of this machine that a router is to forward. */
export interface Inner {
  readonly ip: string
  readonly port: number
}

/** The router's address and port that lead to it. */
export interface Outer {
  readonly ip: string
  readonly port: number
}

/** A mapping that a router made. */
export interface MadeMapping {
  readonly outer: Outer
  /** Asks the router to remove it. Without that it lapses. */
  unmap(signal: AbortSignal): Promise<void>
}

/** A way to have a router forward a port. */
export interface MappingMethod {
  readonly name: 'NAT-PMP' | 'UPnP'
  /** Makes or renews the mapping. Rejects if no router does it. */
  map(inner: Inner, signal: AbortSignal): Promise<MadeMapping>
}

const DESCRIPTION = 'skein'

/** Loaded at need: most hosts never ask a router, and it brings an XML parser. */
const library = (): Promise<typeof import('@achingbrain/nat-port-mapper')> =>
  import('@achingbrain/nat-port-mapper')

export const natPmp: MappingMethod = {
  name: 'NAT-PMP',
  async map(inner, signal) {
    // The library writes this number into a field of seconds.
    const request = (ttl: number, during: AbortSignal): Promise<PortMapping> =>
      withPmp(inner, (gateway) =>
        gateway.map(inner.port, inner.ip, { protocol: 'tcp', ttl, signal: during }),
      )
    const made = await request(PORT_MAPPING.lifetimeSeconds, signal)
    return {
      outer: outerOf(made),
      unmap: async (during) => {
        await request(0, during)
      },
    }
  },
}

/** A socket for each use: it has a port that all programs of the machine share. */
async function withPmp<T>(inner: Inner, use: (gateway: Gateway) => Promise<T>): Promise<T> {
  const { pmpNat } = await library()
  const gateway = pmpNat(await defaultGateway(inner.ip), { autoRefresh: false })
  const failed = new Promise<never>((_, reject) => {
    const emitter = gateway as Gateway & EventEmitter
    emitter.on('error', reject)
  })
  try {
    return await Promise.race([use(gateway), failed])
  } finally {
    await gateway.stop().catch(() => undefined)
  }
}

/** Of version 2 of the Internet gateway device: the library knows no other. */
export const upnp: MappingMethod = {
  name: 'UPnP',
  async map(inner, signal) {
    const { upnpNat } = await library()
    const client = upnpNat({ autoRefresh: false })
    for await (const gateway of client.findGateways({ signal })) {
      if (gateway.family !== 'IPv4') continue
      const made = await gateway.map(inner.port, inner.ip, {
        protocol: 'tcp',
        ttl: PORT_MAPPING.lifetimeSeconds * 1_000,
        description: DESCRIPTION,
        signal,
      })
      return {
        outer: outerOf(made),
        unmap: (during) => gateway.unmap(inner.port, { signal: during }),
      }
    }
    throw new Error('no router answered')
  },
}

function outerOf({ externalHost, externalPort }: PortMapping): Outer {
  return { ip: externalHost, port: externalPort }
}
