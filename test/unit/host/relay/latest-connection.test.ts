import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { latestConnection } from '../../../../host/relay/latest-connection.ts'

const ID = '12D3KooWGC2T2kWGjCLFkdQZQZkPuaXgQZSuyDjgoGqXtHmZT9mE'

const connection = (open: number, init: Partial<Connection> & { address?: string } = {}) => {
  const { address = '/ip4/44.0.0.9/tcp/4001', ...rest } = init
  const remoteAddr = multiaddr(address)
  return { direction: 'inbound', status: 'open', timeline: { open }, remoteAddr, ...rest } as const
}

it('leads to a peer over the connection that it opened last', () => {
  const older = connection(1)
  const newer = connection(2)
  const closed = connection(3, { status: 'closed' })
  const relayed = connection(4, { address: `/ip4/45.1.0.1/tcp/1/p2p/${ID}/p2p-circuit` })
  const dialledBack = connection(5, { direction: 'outbound' })
  expect(latestConnection([older, newer, closed, relayed, dialledBack])).toBe(newer)
  expect(latestConnection([dialledBack, relayed])).toBe(dialledBack)
  expect(latestConnection([closed, relayed])).toBeUndefined()
})
