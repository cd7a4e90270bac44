import { mkdtemp, rm } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../../client/index.ts'
import { EXIT } from '../exit-codes.ts'
import { loopbackAddress } from '../loopback.ts'
import type { Session } from '../runtime.ts'
import { count } from './count.ts'
import { foundAll } from './discovery.ts'
import { createNarration, type Narration } from './narration.ts'
import { type PeerProcess, startPeer } from './peer-process.ts'

const MODEL = 'skein-tiny'
const NODES = 3
/** Tokens per second of each node: an answer takes about four seconds on any machine, so kills land mid-answer. */
const TOKENS_PER_SECOND = 100

/** @returns the exit code: 0 only if the count is exact although nodes were killed during it. */
export async function runDemo(session: Session): Promise<number> {
  const own = loopbackAddress()
  const listen = `/${isIPv6(own) ? 'ip6' : 'ip4'}/${own}/tcp/0`
  const folder = await mkdtemp(join(tmpdir(), 'skein-demo-'))
  const processes: PeerProcess[] = []
  const start = (...args: string[]): PeerProcess => {
    const started = startPeer(session, [...args, '--listen', listen])
    processes.push(started)
    return started
  }
  const narration = createNarration(session)
  try {
    return await abortable(session.signal, narrate(session, narration, folder, start))
  } finally {
    // Nothing of theirs is kept, so that a person who pressed Ctrl-C need not wait for them.
    if (session.signal.aborted) for (const started of processes) started.kill()
    await Promise.all(processes.map((started) => started.stop()))
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    narration.say('All processes have stopped.')
  }
}

async function narrate(
  session: Session,
  narration: Narration,
  folder: string,
  start: (...args: string[]) => PeerProcess,
): Promise<number> {
  const bootstrapDir = join(folder, 'bootstrap')
  const bootstrap = await narration.during(
    'A bootstrap peer is up; it only introduces peers to each other.',
    start('bootstrap', '--data-dir', bootstrapDir).ready,
  )
  const entry = bootstrap.addresses[0] ?? ''
  const nodes = new Map<string, PeerProcess>()
  const starting = Array.from({ length: NODES }, async (_, index) => {
    const dataDir = join(folder, `node-${index}`)
    const args = ['--backend', 'embedded', '--data-dir', dataDir, '--bootstrap', entry]
    const pace = ['--max-tokens-per-second', String(TOKENS_PER_SECOND)]
    const node = start('node', ...args, ...pace)
    const { peerId } = await node.ready
    nodes.set(peerId, node)
    narration.addPeer(peerId)
  })
  await narration.during(`${NODES} nodes serve ${MODEL}, each with its own engine.`, all(starting))
  await using client = await createClient({ bootstrap: [entry], dataDir: join(folder, 'client') })
  await narration.during(
    'A client has joined and found them through the DHT.',
    foundAll(client, NODES, session.signal),
  )
  await list(client, narration, session.signal)
  const { ok, text } = await count(session, {
    client,
    narration,
    model: MODEL,
    kill: (peerId) => nodes.get(peerId)?.kill(),
  })
  narration.say(text)
  return ok ? EXIT.ok : EXIT.failure
}

async function list(client: Client, narration: Narration, signal: AbortSignal): Promise<void> {
  for (const model of await client.models({ signal })) {
    narration.say(`Model ${model.id}: ${model.peers.length} peers, context ${model.contextLength}`)
  }
  for (const peer of await client.peers({ signal })) {
    const rtt = peer.rttMs === undefined ? '' : `, ${peer.rttMs.toFixed(1)} ms away`
    narration.say(`  ${narration.peer(peer.peerId)} is ${peer.load?.state ?? 'unreachable'}${rtt}`)
  }
}

/** All results, or the first failure. */
async function all(starting: readonly Promise<void>[]): Promise<void> {
  await Promise.all(starting)
}

/** Stops waiting when the process is asked to stop. The work itself ends with the processes it depends on. */
function abortable<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    work
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .catch(() => undefined)
    if (signal.aborted) onAbort()
  })
}
