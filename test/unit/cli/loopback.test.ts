import type { NetworkInterfaceInfo } from 'node:os'
import { expect, it } from 'vitest'
import { loopbackAddress } from '../../../cli/loopback.ts'

it.each([
  [['127.0.0.1', '::1', '192.0.2.1'], '127.0.0.1'],
  [['127.0.0.1'], '127.0.0.1'],
  [['::1', '2001:db8::1'], '::1'],
  // Nothing is up yet: the error then names the usual address.
  [[], '127.0.0.1'],
])('a machine with %j reaches itself at %s', (addresses, expected) => {
  const entries = addresses.map((address) => ({ address }) as NetworkInterfaceInfo)
  expect(loopbackAddress(() => ({ any: entries }))).toBe(expected)
})
