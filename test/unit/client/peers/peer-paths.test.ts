import { type Connection, TypedEventEmitter } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { PeerPaths, type PeerPathsInit } from '../../../../client/peers/peer-paths.ts'

const ID = '12D3KooWGC2T2kWGjCLFkdQZQZkPuaXgQZSuyDjgoGqXtHmZT9mE'
const RELAYED = `/ip4/45.1.0.1/tcp/4801/p2p/${ID}/p2p-circuit`
const WEBRTC = '/ip4/44.0.0.9/udp/4000/webrtc'

const connection = (address: string): Connection =>
  ({ remotePeer: 'peer', remoteAddr: multiaddr(address) }) as unknown as Connection

it('knows how a peer is reached, from its first connection to its last', () => {
  const relayed = connection(RELAYED)
  const direct = connection(WEBRTC)
  const events = Object.assign(new TypedEventEmitter(), { getConnections: () => [relayed] })
  const paths = new PeerPaths(events as unknown as PeerPathsInit)
  const emit = (type: string, detail: Connection): void => {
    events.dispatchEvent(new CustomEvent(type, { detail }))
  }
  expect(paths.of('peer')).toBe('relayed')
  expect(paths.of('other')).toBeUndefined()
  emit('connection:open', direct)
  expect(paths.of('peer')).toBe('direct')
  emit('connection:close', direct)
  expect(paths.of('peer')).toBe('relayed')
  emit('connection:close', relayed)
  expect(paths.of('peer')).toBeUndefined()
  paths.close()
  emit('connection:open', direct)
  expect(paths.of('peer')).toBeUndefined()
})
