import type { Transport } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { openScope, systemClock } from '../../timing/index.ts'
import type { IpVersions } from './ip-versions.ts'

type TcpFactory = ReturnType<typeof tcp>

/**
 * TCP that soon leaves an address whose IP version does not get through: libp2p dials the addresses of a peer in turn,
 * for seconds each.
 */
export function tcpTransport(
  versions: IpVersions,
): (components: Parameters<TcpFactory>[0]) => Transport {
  const create = tcp()
  return (components) => {
    const transport = create(components)
    const dial = transport.dial.bind(transport)
    transport.dial = async (address, options) => {
      const timeoutMs = versions.connectTimeoutMs(address)
      if (timeoutMs === undefined) return await dial(address, options)
      const { upgrader, signal } = options
      using scope = openScope({ timeoutMs: Number.POSITIVE_INFINITY }, { signal })
      let isConnected = false
      const onTimeout = (): void => {
        if (isConnected) return
        versions.suspect(address, timeoutMs)
        scope.abort(new Error(`no answer from ${address.toString()} in ${timeoutMs} ms`))
      }
      // A busy process reads its timers before its sockets.
      using _timer = systemClock.after(timeoutMs, () => setImmediate(onTimeout))
      const connected = Object.create(upgrader, {
        upgradeOutbound: {
          value: (...given: Parameters<typeof upgrader.upgradeOutbound>) => {
            isConnected = true
            return upgrader.upgradeOutbound(...given)
          },
        },
      })
      return await dial(address, { ...options, signal: scope.signal, upgrader: connected })
    }
    return transport
  }
}
