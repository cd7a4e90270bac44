import { expect, it } from 'vitest'
import {
  bestAddress,
  joinCommand,
  joinLines,
  portOf,
  shownAddresses,
} from '../../../cli/join-line.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/4801/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'
const LAN = LOOPBACK.replace('127.0.0.1', '192.168.1.5')
const LAN_WS = LAN.replace('/p2p', '/ws/p2p')

it('hands out the address that reaches furthest, TCP first', () => {
  expect(bestAddress([LOOPBACK, LAN_WS, LAN])).toBe(LAN)
  expect(bestAddress([LOOPBACK])).toBe(LOOPBACK)
  expect(bestAddress([])).toBeUndefined()
})

it('prints a line that can be copied into another terminal', () => {
  const lines = joinLines({ commandName: 'skein', addresses: [LOOPBACK, LAN] })
  expect(lines).toContain(`skein node --bootstrap ${LAN}\n`)
  expect(joinLines({ commandName: 'skein', addresses: [LAN], invite: 'abc' })).toContain(
    'skein ask --invite abc "Count',
  )
  expect(joinLines({ commandName: 'skein', addresses: [] })).toContain(
    'cannot join through this peer',
  )
})

it('reads the port of an address', () => {
  expect(portOf(LAN_WS)).toBe(4801)
  expect(portOf('/dns4/example.org/tcp/443/wss')).toBe(443)
})

it('shows addresses for this machine only where there are no others', () => {
  expect(shownAddresses([LOOPBACK, LAN, LAN_WS])).toEqual([LAN, LAN_WS])
  expect(shownAddresses([LOOPBACK])).toEqual([LOOPBACK])
})

it('names an address of each network, since another machine may be in any', () => {
  const vpn = LAN.replace('192.168.1.5', '10.8.0.2')
  const vpnToo = LAN_WS.replace('192.168.1.5', '10.8.0.2')
  const six = LAN.replace('ip4/192.168.1.5', 'ip6/fd00::5')
  const joined = (addresses: readonly string[]): string | undefined =>
    joinCommand({ commandName: 'skein', addresses })
  expect(joined([LOOPBACK, LAN, LAN_WS, vpnToo, vpn, six])).toBe(
    `skein up --bootstrap ${LAN} --bootstrap ${vpn}`,
  )
  expect(joined([LOOPBACK, six])).toBe(`skein up --bootstrap ${six}`)
  expect(joined([LOOPBACK])).toBe(`skein up --bootstrap ${LOOPBACK}`)
})
