import { cpuMs } from './cpu-time.ts'
import { startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'
import { CONNECTIONS, streamedLoad, TOKENS, warmUpOf } from './streamed-load.ts'

/** CPU of each process for one streamed answer, at an engine without cost. */
export async function cpu(quick: boolean): Promise<Report> {
  const count = quick ? 1_000 : 4_000
  await using engine = await startPeer({ kind: 'engine' })
  const [engineUrl = ''] = engine.addresses
  await using node = await startPeer({ kind: 'node', engine: { url: engineUrl, slots: 256 } })
  await using gateway = await startPeer({ kind: 'gateway', bootstrap: node.addresses })
  const target = { url: gateway.addresses[0] ?? '' }
  await streamedLoad(target, warmUpOf(quick))
  const processes = {
    node: node.pid,
    gateway: gateway.pid,
    engine: engine.pid,
    caller: process.pid,
  }
  const before = Object.values(processes).map(cpuMs)
  await streamedLoad(target, count)
  const rows = Object.entries(processes).map(([name, pid], at) => ({
    process: name,
    'CPU ms/request': round((cpuMs(pid) - (before[at] ?? 0)) / count),
  }))
  const [node_, gateway_, engine_] = rows.map((row) => row['CPU ms/request'])
  const ratio = ((node_ ?? 0) + (gateway_ ?? 0)) / (engine_ ?? 1)
  return {
    title: `CPU of one streamed answer of ${TOKENS} tokens, ${CONNECTIONS} connections, ${count} answers`,
    rows: [...rows, { process: 'node and gateway, of the engine', ratio: round(ratio) }],
    notes: [
      'From /proc, all threads: other load on the machine hardly matters.',
      'Goal: node 0.8 ms, gateway 1.0 ms, on the machine of the first measurement (engine 0.4, caller 0.5).',
    ],
  }
}
