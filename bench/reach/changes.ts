import { createInternet } from '../../testing/internet/index.ts'
import { holdIpv4, loseIpv6, moveWithinLan, sleepAnHour } from '../../testing/reach/changes.ts'
import type { Asked } from '../../testing/reach/messages.ts'
import { type Peer, startPeer } from '../../testing/reach/peer.ts'
import {
  COUNT,
  createScene,
  MODEL,
  type Pair,
  PROMPT,
  type Relay,
} from '../../testing/reach/scene.ts'
import { round } from '../report.ts'

type Row = Readonly<Record<string, string | number>>

const BOTH = { listen: ['/ip4/0.0.0.0/tcp/4801', '/ip6/::/tcp/4801'] }
/** So that an answer takes 12 s. */
const PACE_MS = 60

/** Two relays, and a pair behind symmetric NATs. */
async function withPair(
  measure: (pair: Pair, relays: readonly Relay[]) => Promise<Row>,
): Promise<Row> {
  await using scene = await createScene()
  const relays = await Promise.all(['45.1.0.1', '45.2.0.1'].map((ip4) => scene.relay(ip4)))
  return await measure(await scene.pairBehindNats(relays, PACE_MS), relays)
}

/** Asks, and has something happen in mid-answer. */
async function disturbed(client: Peer, change: () => Promise<void>): Promise<Asked> {
  let changed: Promise<void> | undefined
  const answer = await client.ask(MODEL, PROMPT, (soFar) => {
    if (soFar.includes('20')) changed ??= change()
  })
  await changed
  return answer
}

function answerOf({ text, record, error }: Asked): Row {
  const resumes = record?.resumes ?? 0
  const whole = text === COUNT ? `whole, ${resumes} resumed` : `broken: ${error ?? text}`
  return { 'running answer': whole }
}

const reserved = (node: Peer): Promise<unknown> =>
  node.until('back', ({ relaying }) => relaying.held.length === 2)

function since(at: number): number {
  return round((performance.now() - at) / 1_000)
}

const move = (): Promise<Row> =>
  withPair(async ({ client, node, machine }) => {
    let at = 0
    let back: Promise<number> | undefined
    const answer = await disturbed(client, async () => {
      await moveWithinLan(machine)
      at = performance.now()
      back = node
        .until(
          'back',
          ({ addresses, relaying }) =>
            relaying.held.length === 2 && addresses.some((one) => one.includes('192.168.1.77')),
        )
        .then(() => since(at))
    })
    return { ...answerOf(answer), 'back s': (await back) ?? Number.NaN }
  })

const nodeSleeps = (): Promise<Row> =>
  withPair(async ({ client, node, nodeHome }, relays) => {
    const others = [client, ...relays.map(({ peer }) => peer)]
    await client.ask(MODEL, 'Count from 1 to 3.')
    await sleepAnHour(node, { home: nodeHome, others })
    const at = performance.now()
    await reserved(node)
    const back = since(at)
    return { ...answerOf(await client.ask(MODEL, PROMPT)), 'back s': back }
  })

const clientSleeps = (): Promise<Row> =>
  withPair(async ({ client, node, clientHome }, relays) => {
    let wokenAt = 0
    let firstAfter = 0
    let length = 0
    let asleep: Promise<void> | undefined
    const answer = await client.ask(MODEL, PROMPT, (soFar) => {
      if (wokenAt > 0 && firstAfter === 0 && soFar.length > length) firstAfter = performance.now()
      length = soFar.length
      if (!soFar.includes('20')) return
      asleep ??= sleepAnHour(client, {
        home: clientHome,
        others: [node, ...relays.map(({ peer }) => peer)],
      }).then(() => {
        wokenAt = performance.now()
      })
    })
    await asleep
    return { ...answerOf(answer), 'back s': round((firstAfter - wokenAt) / 1_000) }
  })

const loss = (how: 'address' | 'silent') => async (): Promise<Row> => {
  await using internet = await createInternet()
  const at = await internet.host({ ip4: '44.1.0.1', ip6: '2a0e:44::1' })
  const { peerId } = await startPeer(at, { role: 'bootstrap', host: BOTH })
  const bootstrap = [
    `/ip4/${at.ip4}/tcp/4801/p2p/${peerId}`,
    `/ip6/${at.ip6}/tcp/4801/p2p/${peerId}`,
  ]
  const engine = { model: MODEL, slots: 4, paceMs: PACE_MS }
  const serving = await internet.host({ ip4: '44.1.1.1', ip6: '2a0e:45::1' })
  await startPeer(serving, { role: 'node', engine, host: { ...BOTH, bootstrap } })
  const machine = await internet.host({ ip4: '44.1.2.1', ip6: '2a0e:46::1' })
  const release = await holdIpv4(machine)
  const client = await startPeer(machine, { role: 'client', host: { bootstrap } })
  await client.ask(MODEL, 'Count from 1 to 3.')
  let lostAt = 0
  let longest = 0
  let last = 0
  const answer = await client.ask(MODEL, PROMPT, (soFar) => {
    const now = performance.now()
    if (lostAt > 0) longest = Math.max(longest, now - last)
    last = now
    if (lostAt === 0 && soFar.includes('20')) {
      lostAt = now
      void release().then(() => loseIpv6(machine, how))
    }
  })
  return { ...answerOf(answer), 'back s': round(longest / 1_000) }
}

interface Change {
  readonly node: string
  readonly client: string
  readonly path: string
  readonly measure: () => Promise<Row>
}

const DUAL_STACK = { node: 'public, IPv4 and IPv6', path: 'direct, IPv6, then IPv4' } as const

export const CHANGES: readonly Change[] = [
  {
    node: 'another address in mid-answer',
    client: 'symmetric NAT',
    path: 'relay',
    measure: move,
  },
  { node: 'asleep for an hour', client: 'symmetric NAT', path: 'relay', measure: nodeSleeps },
  {
    node: 'symmetric NAT',
    client: 'asleep for an hour in mid-answer',
    path: 'relay',
    measure: clientSleeps,
  },
  {
    ...DUAL_STACK,
    client: 'loses its IPv6 address in mid-answer',
    measure: loss('address'),
  },
  { ...DUAL_STACK, client: 'IPv6 falls silent in mid-answer', measure: loss('silent') },
]

/** What happens to a running answer, and how long it takes until the host is back. */
export async function measureChange({ node, client, path, measure }: Change): Promise<Row> {
  return { node, client, path, ...(await measure()) }
}
