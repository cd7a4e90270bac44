import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '../client/index.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'

const ROUND_TRIP_MS = 200
/** Requests before the warm ones: the first ones compile the code. */
const WARM_UP = 20
const REQUEST = {
  model: 'scripted',
  messages: [{ role: 'user', content: 'Count from 1 to 40.' }],
  max_tokens: 8,
  stream: true,
} as const

/**
 * Round trips to the first token over a path of {@link ROUND_TRIP_MS}. The TCP handshake with the proxy on this machine
 * takes no time, so one round trip is added for each connection that was made in turn.
 */
export async function roundtrips(quick: boolean): Promise<Report> {
  await using engine = await startPeer({ kind: 'engine' })
  const [url = ''] = engine.addresses
  const delayMs = ROUND_TRIP_MS / 2
  await using near = await startPeer({ kind: 'node', engine: { url } })
  await using path = await startPeer({ kind: 'delay', to: near.addresses[0] ?? '', delayMs })
  const rows: Record<string, string | number>[] = []
  const add = (what: string, taken: readonly number[], handshakes: number): void => {
    const trips = (p: number): number => round(percentile(taken, p) / ROUND_TRIP_MS + handshakes)
    rows.push({ what, 'round trips, least': trips(0), p50: trips(0.5), p90: trips(0.9) })
  }
  const times = quick ? 5 : 15
  const fresh: number[] = []
  for (let run = 0; run < times; run++) fresh.push(await fromNothing(path.addresses))
  add('from nothing: createClient to the first token', fresh, 1)
  await using client = await createClient({ bootstrap: path.addresses })
  for (let run = 0; run < WARM_UP; run++) await firstToken(client)
  const warm: number[] = []
  for (let run = 0; run < times * 2; run++) warm.push(await firstToken(client))
  add('warm: request to the first token', warm, 0)
  return {
    title: `round trips to the first token, over a TCP proxy that delays ${delayMs} ms each way`,
    rows,
    notes: [
      'The node is its own bootstrap peer. The handshake of TCP with the proxy is local and counted as one round trip.',
      'Time over the round trip time: CPU counts, too, so the least is the protocol, the rest the machine.',
      'Goals: 1.15 warm, 6.5 from nothing.',
    ],
  }
}

async function fromNothing(bootstrap: readonly string[]): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), 'skein-roundtrips-'))
  const begin = performance.now()
  const client = await createClient({ bootstrap, dataDir })
  try {
    await firstToken(client)
    return performance.now() - begin
  } finally {
    await client.close()
    await rm(dataDir, { recursive: true })
  }
}

/** @returns milliseconds from the request to its first visible token */
async function firstToken(client: Client): Promise<number> {
  const begin = performance.now()
  let first: number | undefined
  for await (const { choices } of client.chat(REQUEST)) {
    if (choices[0]?.delta.content) first ??= performance.now()
  }
  if (first === undefined) throw new Error('no answer')
  return first - begin
}
