import { REQUEST_LIMITS } from '../client/index.ts'
import { counting } from '../testing/chaos/watch.ts'
import type { SwarmClient } from '../testing/swarms/chaos-swarm.ts'
import { BenchSwarm } from './bench-swarm.ts'
import { Interruptions, type Strike } from './interruption.ts'
import type { PeerProcess, TimedEngine } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'

/** The first piece takes 50 ms, going on elsewhere as well, and the others 10 ms each. */
const ENGINE: TimedEngine = { type: 'plain', slots: 4, paceMs: 10, prefillMs: 50 }
/** Pieces before each loss of a peer: enough for a steady rhythm. */
const EVERY = 16
/** Answers before anything is measured: the client's code is compiled, and it knows every peer. */
const WARM_UP = 40
/** Answers in a row that fail before a peer was lost in them: they count as failed, but more measure nothing. */
const MAX_FUTILE = 3
const UNDISTURBED = counting(1, 3)

/** From the loss of the serving peer in mid-answer to the next piece at the caller. */
export async function recovery(quick: boolean): Promise<Report> {
  const stallMs = REQUEST_LIMITS.stallFloorMs
  const rows = [
    rowOf('connection destroyed', await destroyedConnections(quick ? 20 : 320), 0),
    rowOf('process killed', await killedProcesses(quick ? 4 : 40), 0),
    rowOf('process silent', await silentProcesses(quick ? 4 : 40), stallMs),
  ]
  return {
    title: 'from the loss of the serving peer to the next piece, against undisturbed first pieces',
    rows,
    notes: [
      'TTFT: of undisturbed answers of the same client and nodes, alternating with the losses. An engine takes 50 ms to start or resume.',
      'Goal: recovery p99 − TTFT p99 ≤ 100 ms; no token lost or doubled, compared with the exact answer.',
      'Beyond takeover: recovery minus the TTFT of the attempt that took over.',
      `A silent peer counts as stalled after ${stallMs} ms (five times the usual gap is less here); recovery counts from its last piece, minus this wait.`,
    ],
  }
}

function rowOf(
  loss: string,
  found: Interruptions,
  waitMs: number,
): Readonly<Record<string, string | number>> {
  const recoveryMs = found.recoveryMs.map((ms) => ms - waitMs)
  const beyondMs = found.beyondMs.map((ms) => ms - waitMs)
  const { lost, doubled, failed, errors } = found.tally
  return {
    loss,
    losses: found.losses,
    recovered: recoveryMs.length,
    'TTFT p50 ms': round(percentile(found.ttftMs, 0.5)),
    'TTFT p99 ms': round(percentile(found.ttftMs, 0.99)),
    'stall wait ms': waitMs,
    'recovery p50 ms': round(percentile(recoveryMs, 0.5)),
    'recovery p99 ms': round(percentile(recoveryMs, 0.99)),
    'p99 − TTFT p99 ms': round(percentile(recoveryMs, 0.99) - percentile(found.ttftMs, 0.99)),
    'beyond takeover p50 ms': round(percentile(beyondMs, 0.5)),
    'beyond takeover p99 ms': round(percentile(beyondMs, 0.99)),
    'tokens lost': lost,
    'tokens doubled': doubled,
    'requests failed': failed,
    errors: Object.entries(errors)
      .map(([code, count]) => `${count} ${code}`)
      .join(', '),
  }
}

/** The serving node destroys its sockets to the client and keeps running. */
async function destroyedConnections(losses: number): Promise<Interruptions> {
  await using swarm = await BenchSwarm.create()
  for (let process = 0; process < 4; process++) await swarm.nodes(2, ENGINE)
  await using client = await swarm.client()
  const remote = client.host.peerId.toString()
  return await measure(client, {
    losses,
    lossesPerAnswer: 4,
    strike: (peerId) => serving(swarm, peerId).drop(peerId, remote),
  })
}

/** SIGKILL; each killed node is replaced before the next answer. */
async function killedProcesses(losses: number): Promise<Interruptions> {
  await using swarm = await BenchSwarm.create()
  for (let node = 0; node < 4; node++) await swarm.nodes(1, ENGINE)
  await using client = await swarm.client()
  return await measure(client, {
    losses,
    lossesPerAnswer: 1,
    strike: (peerId) => {
      serving(swarm, peerId).kill()
      return Promise.resolve(performance.now())
    },
    afterwards: async (peerId) => {
      await swarm.remove(serving(swarm, peerId))
      await swarm.nodes(1, ENGINE)
      await swarm.known(client)
    },
  })
}

/** SIGSTOP: connected but silent until the answer is complete. */
async function silentProcesses(losses: number): Promise<Interruptions> {
  await using swarm = await BenchSwarm.create()
  for (let node = 0; node < 4; node++) await swarm.nodes(1, ENGINE)
  await using client = await swarm.client()
  return await measure(client, {
    losses,
    lossesPerAnswer: 1,
    strike: (peerId) => {
      serving(swarm, peerId).freeze()
      return undefined
    },
    afterwards: async (peerId) => serving(swarm, peerId).thaw(),
  })
}

interface Series {
  readonly losses: number
  readonly lossesPerAnswer: number
  readonly strike: Strike
  /** Once the answer is there, for each peer that was lost in it. */
  readonly afterwards?: (peerId: string) => Promise<void>
}

/** As many undisturbed answers as there are losses, taking turns. */
async function measure(client: SwarmClient, series: Series): Promise<Interruptions> {
  const found = new Interruptions()
  for (let answer = 0; answer < WARM_UP; answer++) await found.undisturbed(client, UNDISTURBED)
  found.ttftMs.length = 0
  let futile = 0
  while (found.losses < series.losses) {
    const struck: string[] = []
    const { error } = await found.interrupt({
      client,
      question: counting(1 + found.losses, found.losses + 12 * (series.lossesPerAnswer + 1)),
      every: EVERY,
      losses: series.lossesPerAnswer,
      strike: (peerId) => {
        struck.push(peerId)
        return series.strike(peerId)
      },
    })
    futile = struck.length === 0 ? futile + 1 : 0
    if (futile > MAX_FUTILE) throw new Error('answers end before a peer is lost', { cause: error })
    for (const peerId of struck) await series.afterwards?.(peerId)
    for (const _ of struck) await found.undisturbed(client, UNDISTURBED)
  }
  return found
}

function serving(swarm: BenchSwarm, peerId: string): PeerProcess {
  const process = swarm.processOf(peerId)
  if (process === undefined) throw new Error(`${peerId} is not in this swarm`)
  return process
}
