import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { configPath } from '../config/index.ts'
import { createRedaction, reportText, shownSettings } from '../diagnostics/index.ts'
import { everyReport } from '../reports-here.ts'
import type { Runtime, Session } from '../runtime.ts'
import { type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { diagnoses } from './doctor.ts'
import { renderStatus } from './status.ts'

interface DiagnosticsOptions extends SharedOptions {
  readonly output?: string
  readonly checks?: boolean
}

export function diagnosticsCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('diagnostics').description(
      'Writes a report for an issue: versions, settings, what runs here, its last warnings, and what `doctor` finds. Keys, invites, IP addresses and names of machines are left out; read it before you publish it.',
    ),
  )
    .option('--output <file>', 'write it to this file instead of stdout')
    .option('--no-checks', 'do not run the checks of `doctor`, which ask other peers')
    .action(
      runtime.action((session, options: DiagnosticsOptions) =>
        diagnostics(session, options, runtime),
      ),
    )
}

async function diagnostics(
  session: Session,
  options: DiagnosticsOptions,
  { configuration }: Runtime,
): Promise<undefined> {
  const { env, terminal } = session
  const commands = await configuration.commands()
  const { path } = configPath({ env, config: options.config })
  const text = path === '' ? undefined : await readFile(path, 'utf8').catch(() => undefined)
  const { settings, secrets } = await shownSettings(text, path, { env, commands })
  const found = await everyReport(session)
  const report = reportText({
    version: session.version,
    settings,
    status: found.map((entry) => renderStatus(entry, Date.now())),
    warnings: found.flatMap(({ report: { role, warnings = [] } }) =>
      warnings.map(({ atMs, message }) => ({ role, atMs, message })),
    ),
    checks: options.checks === false ? undefined : await checks(session, options),
  })
  const redacted = createRedaction(env, secrets)(report)
  terminal.emit({ event: 'diagnostics', report: redacted } as { event: 'diagnostics' })
  if (options.output === undefined) terminal.print(redacted)
  else {
    await writeFile(options.output, redacted)
    terminal.print(`Written to ${options.output}. Read it before you publish it.\n`)
  }
  return undefined
}

/** What doctor finds; a failure to look is a finding. */
async function checks(session: Session, options: SharedOptions): Promise<string[]> {
  const lines: string[] = []
  try {
    for await (const diagnosis of diagnoses(session, options)) {
      lines.push(`${diagnosis.status} ${diagnosis.name}: ${diagnosis.message}`)
    }
  } catch (error) {
    session.signal.throwIfAborted()
    lines.push(`failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  return lines
}
