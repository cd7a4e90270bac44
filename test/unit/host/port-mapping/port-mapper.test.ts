import { afterEach, expect, it } from 'vitest'
import { PORT_MAPPING } from '../../../../host/port-mapping/limits.ts'
import type { Inner, MappingMethod } from '../../../../host/port-mapping/methods.ts'
import { PortMapper } from '../../../../host/port-mapping/port-mapper.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

const INNER: Inner = { ip: '192.168.1.2', port: 4801 }
let stopping = new AbortController()

afterEach(() => {
  stopping.abort()
  stopping = new AbortController()
})

/** A router that maps what it is asked for, under its own address. */
class Router {
  readonly mapped: Inner[] = []
  unmapped = 0
  outerIp: string | undefined = '44.0.0.1'

  readonly method: MappingMethod = {
    name: 'NAT-PMP',
    map: async (inner) => {
      this.mapped.push(inner)
      if (this.outerIp === undefined) throw new Error('refused')
      return {
        outer: { ip: this.outerIp, port: inner.port },
        unmap: async () => {
          this.unmapped += 1
        },
      }
    },
  }
}

function start(router: Router, clock: VirtualClock, inner: () => Inner | undefined) {
  const seen: string[] = []
  const mapper: PortMapper = new PortMapper({
    methods: [router.method],
    inner,
    onChange: () => seen.push(mapper.addresses.join()),
    clock,
    random: () => 0.5,
    signal: stopping.signal,
    log: () => {},
  })
  return { mapper, seen }
}

it('asks no router while there is no need', async () => {
  const clock = new VirtualClock()
  const router = new Router()
  const { mapper } = start(router, clock, () => undefined)
  await clock.advance(60_000)
  expect(router.mapped).toEqual([])
  expect(mapper.state).toEqual({ status: 'not needed' })
})

it('maps once there is need, renews half-way, and removes the mapping at the end', async () => {
  const clock = new VirtualClock()
  const router = new Router()
  let inner: Inner | undefined
  const { mapper, seen } = start(router, clock, () => inner)
  await clock.advance(20_000)
  inner = INNER
  await clock.advance(PORT_MAPPING.checkMs)
  const address = '/ip4/44.0.0.1/tcp/4801'
  expect(mapper.state).toEqual({ status: 'mapped', method: 'NAT-PMP', address })
  await clock.advance((PORT_MAPPING.lifetimeSeconds * 1_000) / 2 + PORT_MAPPING.checkMs)
  expect(router.mapped).toEqual([INNER, INNER])
  expect(seen).toEqual([address])
  await mapper.close()
  expect(router.unmapped).toBe(1)
})

it('maps again when this machine has another address', async () => {
  const clock = new VirtualClock()
  const router = new Router()
  let inner = INNER
  start(router, clock, () => inner)
  await clock.advance(PORT_MAPPING.checkMs)
  inner = { ...INNER, ip: '192.168.1.3' }
  await clock.advance(PORT_MAPPING.checkMs * 2)
  expect(router.mapped).toEqual([INNER, inner])
})

it.each([
  ['refuses', undefined, 'refused'],
  ['is behind another router', '192.168.7.2', 'is not public'],
])('asks rarely where the router %s', async (_, outerIp, why) => {
  const clock = new VirtualClock()
  const router = new Router()
  router.outerIp = outerIp
  const { mapper, seen } = start(router, clock, () => INNER)
  await clock.advance(PORT_MAPPING.retry.minMs / 3)
  expect(router.mapped).toHaveLength(1)
  expect(mapper.state).toMatchObject({ status: 'none', why: expect.stringContaining(why) })
  expect(mapper.addresses).toEqual([])
  expect(seen).toEqual([])
  await clock.advance(24 * 3_600_000)
  expect(router.mapped.length).toBeLessThan(80)
})
