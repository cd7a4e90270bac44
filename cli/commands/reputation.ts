import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { openReputation, type StandingReport } from '../../client/index.ts'
import { plainLine } from '../../protocol/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import { clientDirectory, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

export function reputationCommand(runtime: Runtime): Command {
  const part = (name: string, summary: string): Command =>
    withSharedOptions(new Command(name).summary(summary).description(`${summary}.`))
  return new Command('reputation')
    .addCommand(part('list', 'list every standing').action(runtime.action(list)))
    .addCommand(part('export', 'print all standings as JSON').action(runtime.action(exportAll)))
    .addCommand(
      part('import', 'import standings that are newer than the stored ones')
        .argument('<file>', 'what `reputation export` printed; - reads stdin')
        .action(runtime.action(importFrom)),
    )
    .addCommand(
      part('forget', 'delete a peer’s standing, so that it counts as new')
        .argument('<peer>', 'its id, or the end of it')
        .action(runtime.action(forget)),
    )
}

/** Opens the standings of this user's clients. */
async function open(session: Session, options: SharedOptions) {
  const dataDir = clientDirectory(options, session.env)
  return await openReputation(dataDir, Date.now, (message) =>
    session.terminal.log(plainLine(message), { level: 'warn' }),
  )
}

async function list(session: Session, options: SharedOptions): Promise<undefined> {
  const { terminal } = session
  await using saved = await open(session, options)
  const standings = saved.reputation.report()
  for (const standing of standings) terminal.emit({ event: 'standing', ...standing })
  terminal.print(renderStandings(standings))
  return undefined
}

async function exportAll(session: Session, options: SharedOptions): Promise<undefined> {
  await using saved = await open(session, options)
  session.stdout.write(`${JSON.stringify(saved.reputation)}\n`)
  return undefined
}

async function importFrom(
  session: Session,
  options: SharedOptions,
  [file = '']: readonly string[],
): Promise<undefined> {
  await using saved = await open(session, options)
  const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch(() => {
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
  await using saved = await open(session, options)
  const peers = new Set(standingsOf(saved.reputation.report(), name).map(({ peer }) => peer))
  if (peers.size !== 1) throw new UsageError(unclear(name, peers.size))
  for (const peer of peers) saved.reputation.forget(peer)
  await saved.save()
  session.terminal.print(`Forgotten: ${plainLine([...peers].join(''))}\n`)
  session.terminal.log('clients and gateways that run in this data directory see it within 5 s')
  return undefined
}

/** Explains one peer's standing. @throws UsageError if no peer or more than one matches */
export async function explainPeer(
  session: Session,
  options: SharedOptions,
  name: string,
): Promise<void> {
  const { terminal } = session
  await using saved = await open(session, options)
  const standings = standingsOf(saved.reputation.report(), name)
  const peers = new Set(standings.map(({ peer }) => peer))
  if (peers.size !== 1) throw new UsageError(unclear(name, peers.size))
  for (const standing of standings) {
    terminal.emit({ event: 'standing', ...standing })
    terminal.print(explained(standing))
  }
}

function standingsOf(
  standings: readonly StandingReport[],
  name: string,
): readonly StandingReport[] {
  const end = name.replace(/^…/, '')
  return standings.filter(({ peer }) => end !== '' && peer.endsWith(end))
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

function unclear(name: string, found: number): string {
  return found === 0
    ? `there is no standing of '${name}': none of its answers was audited`
    : `'${name}' matches the ids of ${found} peers: type more of the id`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
