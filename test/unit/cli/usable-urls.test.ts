import type { NetworkInterfaceInfo } from 'node:os'
import { expect, it } from 'vitest'
import { usableUrls } from '../../../cli/usable-urls.ts'

const of = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo
const interfaces = () => ({
  lo: [of('127.0.0.1', true), of('::1', true)],
  eth0: [of('192.168.1.5'), of('fe80::1'), of('2001:db8::5')],
})

it('names addresses that callers can use where the server listens on all of them', () => {
  expect(usableUrls('http://0.0.0.0:4810', interfaces)).toEqual([
    'http://127.0.0.1:4810',
    'http://192.168.1.5:4810',
  ])
  expect(usableUrls('http://[::]:4810', interfaces)).toEqual([
    'http://127.0.0.1:4810',
    'http://192.168.1.5:4810',
    'http://[2001:db8::5]:4810',
  ])
})

it('leaves any other address as it is', () => {
  expect(usableUrls('http://10.0.0.7:1', interfaces)).toEqual(['http://10.0.0.7:1'])
})
