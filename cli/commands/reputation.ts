import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { Command } from 'commander'
import type { MarkedPeer, PeerMark, StandingReport } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { markIn } from '../marks.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { anyPeer, knownPeer, openStandings, type Standings } from '../standings.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

export function reputationCommand(runtime: Runtime): Command {
  const part = (name: string, summary: string): Command =>
    withSharedOptions(new Command(name).summary(summary).description(`${summary}.`))
  const about = (name: string, summary: string): Command =>
    part(name, summary).argument('<peer>', 'its id, or the end of one that is listed')
  const marking = (wanted: PeerMark | undefined) =>
    runtime.action((session, options: SharedOptions, args) => mark(session, options, args, wanted))
  return new Command('reputation')
    .addCommand(
      part('list', 'list every standing, and the peers that are denied or trusted').action(
        runtime.action(list),
      ),
    )
    .addCommand(part('export', 'print all standings as JSON').action(runtime.action(exportAll)))
    .addCommand(
      part('import', 'import standings that are newer than the stored ones')
        .argument('<file>', 'what `reputation export` printed; - reads stdin')
        .action(runtime.action(importFrom)),
    )
    .addCommand(
      about('forget', 'delete a peer’s standing, so that it counts as new').action(
        runtime.action(forget),
      ),
    )
    .addCommand(about('deny', 'neither ask a peer nor serve it').action(marking('denied')))
    .addCommand(
      about(
        'trust',
        'count a peer as proven without audits until one fails, and serve it before strangers',
      ).action(marking('trusted')),
    )
    .addCommand(
      about('unmark', 'take back that a peer is denied or trusted').action(marking(undefined)),
    )
}

const SEEN = 'processes that run see it within 5 s'

async function list(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal } = session
  await using standings = await openStandings(session, options)
  const all = standings.all.map(({ dataDir, reputation }) => {
    return { dataDir, reports: reputation.report(), marks: reputation.marks() }
  })
  const filled = all.filter(({ reports, marks }) => reports.length > 0 || marks.length > 0)
  for (const { dataDir, reports, marks } of filled.length > 0 ? filled : all.slice(0, 1)) {
    for (const standing of reports) terminal.emit({ event: 'standing', ...standing })
    for (const marked of marks) terminal.emit({ event: 'marked', ...marked } as { event: 'marked' })
    if (filled.length > 1) terminal.print(`${dataDir}\n`)
    if (reports.length > 0 || marks.length === 0) terminal.print(renderStandings(reports))
    if (marks.length > 0) terminal.print(renderMarks(marks))
  }
  return undefined
}

/** The standings of clients and gateways. */
function first(all: readonly Standings[]): Standings {
  const [own] = all
  if (own === undefined) throw new UsageError('no data directory')
  return own
}

async function exportAll(session: Session, options: SharedOptions): Promise<undefined> {
  await using standings = await openStandings(session, options)
  session.stdout.write(`${JSON.stringify(first(standings.all).reputation)}\n`)
  return undefined
}

async function importFrom(
  session: Session,
  options: SharedOptions,
  [file = '']: readonly string[],
): Promise<undefined> {
  await using standings = await openStandings(session, options)
  const saved = first(standings.all)
  const read = file === '-' ? textOf(session.stdin) : readFile(file, 'utf8')
  const text = await read.catch(() => {
    throw new UsageError(`cannot read ${file}`)
  })
  const loaded = saved.reputation.load(parsed(text))
  if (loaded === undefined) {
    throw new UsageError(`${file} is not a list of standings as \`reputation export\` prints it`)
  }
  await saved.save()
  if (loaded.dropped > 0) session.terminal.log(leftOut(loaded.dropped), { level: 'warn' })
  session.terminal.print(`${loaded.taken} standings imported\n`)
  return undefined
}

async function forget(
  session: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  await using standings = await openStandings(session, options)
  const peer = knownPeer(standings.all, name)
  for (const saved of standings.all) {
    if (saved.reputation.forget(peer) > 0) await saved.save()
  }
  session.terminal.print(`Forgotten: ${plainLine(peer)}\n`)
  session.terminal.log(SEEN)
  return undefined
}

/** In every data directory of this user: a peer that one process denies is denied by all. */
async function mark(
  session: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
  wanted: PeerMark | undefined,
): Promise<undefined> {
  const { terminal } = session
  await using standings = await openStandings(session, options, 'everywhere')
  const peer = anyPeer(standings.all, name)
  const { stored, failures } = await markIn(standings.all, peer, wanted)
  for (const { dataDir } of failures) terminal.log(`not stored in ${dataDir}`, { level: 'warn' })
  if (stored.length > 0) terminal.log(`stored in ${stored.join(', ')}`)
  const [failure] = failures
  if (failure !== undefined) throw failure.error
  terminal.emit({ event: 'marked', peer, ...(wanted !== undefined && { mark: wanted }) } as {
    event: 'marked'
  })
  terminal.print(`${plainLine(peer)} is ${wanted ?? 'neither denied nor trusted'}.\n`)
  terminal.log(SEEN)
  return undefined
}

/** Explains one peer's standing. @throws UsageError if no peer or more than one matches */
export async function explainPeer(
  session: Session,
  options: SharedOptions,
  name: string,
): Promise<void> {
  const { terminal } = session
  await using standings = await openStandings(session, options)
  const peer = knownPeer(standings.all, name)
  for (const { reputation } of standings.all) {
    for (const standing of reputation.report(peer)) {
      terminal.emit({ event: 'standing', ...standing })
      terminal.print(explained(standing))
    }
  }
  const word = standings.all.flatMap(({ reputation }) => reputation.markOf(peer) ?? [])[0]
  if (word !== undefined) terminal.print(`${plainLine(peer)} is ${word} by you.\n`)
}

function leftOut(rows: number): string {
  return `skipped ${rows} rows that \`reputation export\` did not write`
}

export function explained(standing: StandingReport): string {
  const { peer, spec, state, words, quality, audits, strikes, auditRate } = standing
  return [
    `${plainLine(peer)}: ${state}`,
    `  ${words}`,
    `  quality ${quality.toFixed(2)} of 1, by ${audits} audits; ${strikes} strikes of 3`,
    `  ${Math.round(auditRate * 100)} % of its next answers are audited`,
    `  as ${plainLine(spec)}`,
    '',
  ].join('\n')
}

export function renderStandings(standings: readonly StandingReport[]): string {
  if (standings.length === 0) return 'No standings yet: no answer has been audited.\n'
  return renderTable(
    ['PEER', 'STATE', 'QUALITY', 'AUDITS', 'IN A ROW', 'STRIKES'],
    standings.map(({ peer, state, quality, audits, consecutiveValid, strikes }) => [
      plainLine(peer),
      state,
      quality.toFixed(2),
      String(audits),
      String(consecutiveValid),
      String(strikes),
    ]),
  )
}

function renderMarks(marks: readonly MarkedPeer[]): string {
  return renderTable(
    ['PEER', 'MARK', 'SINCE'],
    marks.map(({ peer, mark: word, atMs }) => [
      plainLine(peer),
      word,
      new Date(atMs).toISOString(),
    ]),
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
