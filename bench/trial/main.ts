import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { serveGateway } from '../../gateway/index.ts'
import { TEXT_BEFORE_CALL } from '../../testing/agents/coding-session.ts'
import type { Break } from '../faults/breaking-backend.ts'
import { FaultSwarm } from '../faults/fault-swarm.ts'
import { formatReport } from '../report.ts'
import { TRIED, type TriedAgent } from './agents.ts'
import { install } from './install.ts'
import { runSession } from './run-session.ts'

/**
 * `npm run trial -- agents`: agents as they come from npm and pip, each in a coding session, undisturbed and with the
 * serving node killed at every stage. `--dir` keeps what is installed, and takes it again; `--install` only installs, so
 * that the sessions can run where there is no network.
 */

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string' },
    /** Names, separated by commas. */
    only: { type: 'string' },
    install: { type: 'boolean' },
  },
})
if (positionals.join() !== 'agents') {
  console.error('usage: npm run trial -- agents [--dir FOLDER] [--only NAME,NAME] [--install]')
  process.exit(2)
}

/** Before the first byte, in the text, within a tool call, and between two turns. */
const KILLS: readonly Break[] = [
  { turn: 0, at: 0, how: 'kill' },
  { turn: 1, at: 5, how: 'kill' },
  { turn: 2, at: TEXT_BEFORE_CALL + 15, how: 'kill' },
  { turn: 2, at: 'end', how: 'kill' },
]
/** Of an agent without tools: before the first byte, and in the text. */
const TOOLLESS_KILLS: readonly Break[] = [
  { at: 0, how: 'kill' },
  { at: 40, how: 'kill' },
]

const dir = values.dir ?? (await mkdtemp(join(tmpdir(), 'skein-trial-')))
const only = values.only?.split(',')
const agents = TRIED.filter(({ name }) => only === undefined || only.includes(name))
const installed: { readonly agent: TriedAgent; readonly path: string | Error }[] = []
for (const agent of agents) {
  const path = await install(agent, dir)
  console.error(`${agent.name}: ${path instanceof Error ? path.message : 'installed'}`)
  installed.push({ agent, path })
}
if (values.install === true) process.exit(0)

await using swarm = await FaultSwarm.create({ type: 'coder' }, KILLS.length + 1)
await using server = await serveGateway(swarm.client, { port: 0 })
const rows: Record<string, string | number>[] = []
const notes: string[] = []
for (const { agent, path } of installed) {
  if (path instanceof Error) {
    notes.push(`${agent.name} was not tried: ${path.message}`)
    continue
  }
  const row: Record<string, string | number> = { agent: agent.name }
  for (const kills of [[], agent.isToolless === true ? TOOLLESS_KILLS : KILLS]) {
    swarm.arm(kills)
    const outcome = await runSession({ agent, path, dir, url: server.url })
    const label = kills.length === 0 ? 'undisturbed' : 'killed'
    row[label] = outcome.isMended ? 'mended' : 'FAILED'
    if (kills.length > 0) row['nodes killed'] = swarm.broken.length
    if (!outcome.isMended) notes.push(`${agent.name}, ${label}: ${outcome.output}`)
    await swarm.refill()
  }
  console.error(JSON.stringify(row))
  rows.push(row)
}
const title = 'coding sessions of agents against a scripted engine, nodes killed on the way'
console.log(formatReport('agents', { title, rows, notes }))
const failed = rows.filter((row) => Object.values(row).includes('FAILED')).length
console.log(`${rows.length - failed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
