import { expect, it } from 'vitest'
import { gatewayIn } from '../../../../host/port-mapping/default-gateway.ts'

const HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT'

it('is the gateway of the default route', () => {
  const routes = [
    HEAD,
    'lan\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    'lan\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
  ].join('\n')
  expect(gatewayIn(routes)).toBe('192.168.1.1')
})

it('is unknown without a default route, or where the route has no gateway', () => {
  expect(gatewayIn(HEAD)).toBeUndefined()
  expect(gatewayIn('')).toBeUndefined()
  expect(gatewayIn(`${HEAD}\nwan\t00000000\t00000000\t0001\t0\t0\t0\t00000000`)).toBeUndefined()
})
