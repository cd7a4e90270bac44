import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { pathAmong } from '../../../../client/pipeline/path-among.ts'
import { VirtualClock } from '../../../../testing/index.ts'

const ID = '12D3KooWGC2T2kWGjCLFkdQZQZkPuaXgQZSuyDjgoGqXtHmZT9mE'
const peer = 'peer' as unknown as PeerId

function connection(address: string, isSilent: boolean): Connection {
  const ping = (): Promise<unknown> => (isSilent ? new Promise(() => {}) : Promise.resolve())
  const stream = {} as Stream
  return {
    ...{ remoteAddr: multiaddr(address), streams: [stream], status: 'open', muxer: { ping } },
  } as unknown as Connection
}

it('ends the connections of a peer that are silent together, and keeps those that answer', async () => {
  const clock = new VirtualClock()
  const direct = connection('/ip4/44.0.0.9/udp/4000/webrtc', true)
  const dead = connection(`/ip4/45.1.0.1/tcp/4801/p2p/${ID}/p2p-circuit`, true)
  const alive = connection(`/ip4/45.2.0.1/tcp/4801/p2p/${ID}/p2p-circuit`, false)
  const avoided: Connection[] = []
  const host = {
    libp2p: { getConnections: () => [direct, dead, alive] },
    avoid: (one: Connection) => void avoided.push(one),
  }
  const path = pathAmong(host, clock, peer, direct.streams[0] as Stream)
  expect(path).toMatchObject({ by: 'webrtc' })
  const answering = path?.answers?.()
  await clock.advance(3_000)
  expect(await answering).toBe(false)
  path?.avoid?.()
  await clock.advance(0)
  expect(avoided).toEqual([direct, dead])
})
