import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInternet, type Machine } from '../testing/internet/index.ts'
import { type Peer, startPeer } from '../testing/reach/peer.ts'
import type { CrowdMessage } from './relay-crowd.ts'
import { type Report, round } from './report.ts'

const CROWD = fileURLToPath(new URL('./relay-crowd.ts', import.meta.url))
const LISTEN = { listen: ['/ip4/0.0.0.0/tcp/4801'] }
/** Below the bound of reservations from one /24. */
const PER_ROUTER = 25
/** A fast answer has 50 pieces a second. */
const EVERY_MS = 20

/** Memory and CPU of one small relay for many nodes behind NAT, at rest and while it carries streams. Needs root on Linux. */
export async function relay(quick: boolean): Promise<Report> {
  const count = quick ? 20 : 100
  const forMs = quick ? 5_000 : 20_000
  await using internet = await createInternet()
  const machine = await internet.host({ ip4: '45.1.0.1' })
  const small = await startPeer(machine, { role: 'bootstrap', host: LISTEN })
  const bootstrap = `/ip4/45.1.0.1/tcp/4801/p2p/${small.peerId}`
  const rows = [await measured('alone', small, forMs)]
  const addresses: string[] = []
  for (let made = 0; made < count; made += PER_ROUTER) {
    const router = await internet.router({ kind: 'symmetric', ip4: `44.${made + 1}.0.1` })
    const crowd = spawn(await router.host())
    const share = Math.min(PER_ROUTER, count - made)
    addresses.push(
      ...(await crowd.ask<{ addresses: string[] }>({ type: 'nodes', count: share, bootstrap }))
        .addresses,
    )
  }
  rows.push(await measured(`${addresses.length} nodes reserved, at rest`, small, forMs))
  const caller = spawn(await internet.host({ ip4: '46.1.0.1' }))
  await caller.ask({ type: 'client', bootstrap })
  const notes: string[] = []
  for (const streams of [1, count]) {
    await caller.ask({
      type: 'stream',
      addresses: addresses.slice(0, streams),
      everyMs: EVERY_MS,
      forMs,
    })
    const row = measured(
      `${streams} stream${streams === 1 ? '' : 's'} of 300 bytes each ${EVERY_MS} ms, echoed`,
      small,
      forMs * 0.8,
    )
    const times = caller.next<{ p50: number; p99: number; count: number }>()
    rows.push(await row)
    const { p50, p99, count: echoes } = await times
    notes.push(
      `${streams} at a time: a piece takes ${round(p50)} ms to the node and back through the relay at p50, ${round(p99)} ms at p99 (${echoes} pieces, four hops).`,
    )
  }
  return { title: `one relay, ${count} nodes behind symmetric NATs`, rows, notes }
}

interface Crowd {
  /** Resolves with the next message. Rejects where it reports a failure. */
  next<T>(): Promise<T>
  ask<T>(message: CrowdMessage): Promise<T>
}

function spawn(machine: Machine): Crowd {
  const child = machine.spawn(process.execPath, [CROWD], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const next = async <T>(): Promise<T> => {
    const [message] = (await once(child, 'message')) as [{ type: string; message?: string }]
    if (message.type === 'failed') throw new Error(message.message)
    return message as T
  }
  return {
    next,
    ask: async (message) => {
      child.send(message, () => {})
      return await next()
    },
  }
}

async function measured(
  what: string,
  peer: Peer,
  forMs: number,
): Promise<Readonly<Record<string, string | number>>> {
  const before = await peer.state()
  await new Promise((resolve) => setTimeout(resolve, forMs))
  const after = await peer.state()
  const { use } = after.relaying
  return {
    relay: what,
    'RSS MiB': round(after.memoryBytes / 1_048_576),
    'CPU %': round((after.cpuMicroseconds - before.cpuMicroseconds) / forMs / 10),
    reservations: use?.reservations ?? 0,
    circuits: use?.circuits ?? 0,
  }
}
