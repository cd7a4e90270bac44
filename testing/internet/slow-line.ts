import { once } from 'node:events'
import type { Machine } from './machine.ts'
import type { Router } from './router.ts'

/** Where connections of a long line lead. */
export interface LineEnd {
  readonly machine: Machine
  readonly port: number
}

/** Kernels of small machines have no `netem`: what it would do is done to the bytes of TCP connections. */
export interface LongLineInit {
  readonly roundTripMs: number
  /** Share of segments that are lost once: they, and all behind them, come a round trip later. @default 0 */
  readonly loss?: number
}

/**
 * Carries connections on: each byte half a round trip late in either direction, and the first one a whole round trip
 * later, as the handshake would have been under way.
 */
const PROXY = `
const net = require('node:net')
const { ends, roundTripMs, loss, firstPort } = JSON.parse(process.argv[1])
const SEGMENT = 1448
const MOST_WAITING = 4 * 1024 * 1024
let seed = 1
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647
const carry = (from, to, openAt) => {
  // One queue: timers of different lengths would put bytes in another order.
  const queue = []
  let releaseAt = openAt
  let waiting = 0
  const release = () => {
    while (queue.length > 0 && queue[0].at <= performance.now()) queue.shift().act()
    if (queue.length > 0) setTimeout(release, Math.max(0, Math.ceil(queue[0].at - performance.now())))
  }
  const later = (bytes, act) => {
    const lost = random() > (1 - loss) ** Math.ceil(bytes / SEGMENT)
    releaseAt = Math.max(releaseAt, performance.now() + roundTripMs / 2 + (lost ? roundTripMs : 0))
    queue.push({ at: releaseAt, act })
    if (queue.length === 1) setTimeout(release, Math.ceil(releaseAt - performance.now()))
  }
  from.setNoDelay(true)
  from.on('data', (data) => {
    waiting += data.length
    if (waiting > MOST_WAITING) from.pause()
    later(data.length, () => {
      to.write(data)
      waiting -= data.length
      if (waiting <= MOST_WAITING) from.resume()
    })
  })
  from.on('end', () => later(0, () => to.end()))
  from.on('error', () => later(0, () => to.destroy()))
}
let starting = ends.length
ends.forEach(({ host, port }, index) => {
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ host, port, allowHalfOpen: true })
    const openAt = performance.now() + roundTripMs
    carry(near, far, openAt)
    carry(far, near, openAt)
  })
  server.listen(firstPort + index, () => {
    starting -= 1
    if (starting === 0) console.log('listening')
  })
})
`
const FIRST_PORT = 7_000

/** Puts a long line between the LAN of a router and these ends: connections from the LAN to them take it. */
export async function lengthenLine(
  { machine }: Router,
  ends: readonly LineEnd[],
  { roundTripMs, loss = 0 }: LongLineInit,
): Promise<void> {
  const targets = ends.map((end) => ({ host: end.machine.ip4, port: end.port }))
  const settings = { ends: targets, roundTripMs, loss, firstPort: FIRST_PORT }
  const child = machine.spawn(process.execPath, ['-e', PROXY, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout !== null) await once(child.stdout, 'data')
  for (const [index, { host, port }] of targets.entries()) {
    const rule = `iifname lan ip daddr ${host} tcp dport ${port} redirect to :${FIRST_PORT + index}`
    await machine.run('nft', 'add', 'rule', 'ip', 'skein', 'prerouting', ...rule.split(' '))
  }
}

/** Bounds what passes a router, in each direction, by the kernel's token bucket. @param rate as `tc` writes it: `1mbit` */
export async function limitRate({ machine }: Router, rate: string): Promise<void> {
  for (const device of ['wan', 'lan']) {
    const bucket = ['tbf', 'rate', rate, 'burst', '16kb', 'latency', '400ms']
    await machine.run('tc', 'qdisc', 'add', 'dev', device, 'root', ...bucket)
  }
}
