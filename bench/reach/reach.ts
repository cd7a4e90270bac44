import { printRow, type Report } from '../report.ts'
import { CHANGES, measureChange } from './changes.ts'
import { measurePair, PAIRS } from './pairs.ts'

/** Goal: from a fresh data directory behind a symmetric NAT to the first answer of a node behind another one. */
const GOAL_MS = 3_000

/**
 * Connections between peers for each pair of network situations, and what happens when a network changes, in namespaces.
 * Needs root on Linux.
 */
export async function reach(quick: boolean): Promise<Report> {
  const rows: Readonly<Record<string, string | number>>[] = []
  let hardest = Number.NaN
  const add = (row: Report['rows'][number]): void => {
    rows.push(row)
    printRow(row)
  }
  for (const pair of PAIRS) {
    const row = await measurePair(pair, quick ? 1 : 5).catch(failed(pair))
    add(row)
    if (pair.isGoal === true)
      hardest = 'max ms' in row ? Number(row['from nothing ms p50']) : Number.NaN
  }
  for (const change of CHANGES) add(await measureChange(change).catch(failed(change)))
  return {
    title:
      'a client asks a node, both with fresh data directories; two relays, no delay but where a row says so',
    rows,
    notes: [
      'From nothing: the client is created, joins, finds the node and receives the first piece of an answer. Modules are already loaded.',
      'The engine writes at full speed: tokens a second is the throughput of the path. Path: over which the last answer came.',
      'Direct after: from the end of the first answer, which came through a relay, until the direct path by WebRTC is open. The tokens a second of these rows are those of the direct path.',
      `Goal: ${GOAL_MS} ms between two symmetric NATs: ${hardest <= GOAL_MS ? 'met' : 'missed'} (${hardest} ms).`,
      '200 ms and 1 % loss: a proxy on the router holds every byte for 100 ms each way, and one segment of a hundred, with all behind it, for 200 ms more. It stands for netem, which small kernels lack. 1 Mbit/s: the kernel’s token bucket, both ways.',
      'An hour asleep: the process stands still, its network is cut, its router forgets its connections, and all wall clocks go on by an hour.',
      'Back: from the change, or from waking, until the host holds its reservations again, or until the next answer begins.',
    ],
  }
}

const failed =
  ({ node, client }: { readonly node: string; readonly client: string }) =>
  (error: unknown) => ({ node, client, path: `failed: ${String(error)}` })
