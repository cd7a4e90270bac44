import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { setIdle } from '../../../../host/inbound/index.ts'
import { RELAY_LIMITS } from '../../../../host/relay/index.ts'
import { circuitToClose, type OwnCircuit } from '../../../../host/relay/own-circuits.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'
import { newPeerId } from '../../../../testing/swarms/client-peers.ts'

const NOW_MS = 1_000_000
const [RELAY, OTHER, FAR] = (await Promise.all([newPeerId(), newPeerId(), newPeerId()])).map(String)

function circuit(
  openMs: number,
  init: Partial<OwnCircuit> & { readonly relay?: string } = {},
): OwnCircuit {
  const { relay = RELAY, ...rest } = init
  const remoteAddr = multiaddr(`/ip4/45.1.0.1/tcp/1/p2p/${relay}/p2p-circuit/p2p/${FAR}`)
  return {
    ...{ direction: 'outbound', status: 'open', remoteAddr, streams: [] },
    timeline: { open: openMs },
    ...rest,
  }
}

const full = (init: Parameters<typeof circuit>[1] = {}): OwnCircuit[] =>
  Array.from({ length: RELAY_LIMITS.maxCircuitsPerPeer }, (_, age) =>
    circuit(NOW_MS - 60_000 + age, init),
  )
const stream = (protocol: string): Stream => ({ protocol }) as Stream

describe('the relayed connection that makes room for another', () => {
  it('is the one unused for longest', () => {
    const own = full()
    expect(circuitToClose(own, String(RELAY), NOW_MS)).toBe(own[0])
  })

  it('does not exist while the relay lets this host open more, whatever leads through others or comes in', () => {
    const most = full().slice(1)
    const others = [...full({ relay: String(OTHER) }), ...full({ direction: 'inbound' })]
    expect(circuitToClose([...most, ...others], String(RELAY), NOW_MS)).toBeUndefined()
  })

  it('carries no request and was not opened a moment ago', () => {
    const busy = full({ streams: [stream(PROTOCOLS.inference)] })
    expect(circuitToClose(busy, String(RELAY), NOW_MS)).toBeUndefined()
    expect(circuitToClose(full(), String(RELAY), NOW_MS - 59_500)).toBeUndefined()
  })

  it('may hold streams that wait for their next request, and those of the DHT', () => {
    const kept = stream(PROTOCOLS.keptInference)
    setIdle(kept, NOW_MS - 5_000)
    const dht = circuit(NOW_MS - 60_000, { streams: [stream(PROTOCOLS.kad)] })
    const own = [circuit(NOW_MS - 90_000, { streams: [kept] }), dht]
    const busy = full({ streams: [stream(PROTOCOLS.inference)] })
    expect(circuitToClose([...own, ...busy], String(RELAY), NOW_MS)).toBe(dht)
    expect(circuitToClose([...own.slice(0, 1), ...busy], String(RELAY), NOW_MS)).toBe(own[0])
  })
})
