import { join } from 'node:path'
import { Command } from 'commander'
import { plainLine } from '../../protocol/index.ts'
import { wholeNumber } from '../option-parsers.ts'
import type { Runtime, Session } from '../runtime.ts'
import { clientDirectory, type SharedOptions, withSharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'
import { readUsage, usageCsv } from '../usage/index.ts'

interface UsageOptions extends SharedOptions {
  readonly csv?: boolean
  readonly days: number
}

export function gatewayUsageCommand(runtime: Runtime): Command {
  return withSharedOptions(
    new Command('usage')
      .summary('show what each key used')
      .description('Shows requests and tokens of each key by day (UTC) and model.'),
  )
    .option('--csv', 'as comma-separated values')
    .option('--days <n>', 'how far back, today included', wholeNumber(1, 400), 30)
    .action(runtime.action(showUsage))
}

async function showUsage(session: Session, options: UsageOptions): Promise<undefined> {
  const { terminal } = session
  const dataDir = clientDirectory(options, session.env)
  const rows = await readUsage(join(dataDir, 'gateway'), options.days)
  for (const row of rows) terminal.emit({ event: 'usage', ...row } as { event: 'usage' })
  if (options.csv === true) terminal.print(usageCsv(rows))
  else if (rows.length === 0) terminal.print('Nothing was counted yet.\n')
  else terminal.print(renderTable(HEAD, rows.map(cellsOf)))
  return undefined
}

const HEAD = ['DAY', 'KEY', 'MODEL', 'REQUESTS', 'FAILED', 'PROMPT TOKENS', 'TOKENS WRITTEN']

function cellsOf(row: Awaited<ReturnType<typeof readUsage>>[number]): string[] {
  const { day, key, model, requests, failed, promptTokens, completionTokens } = row
  return [
    ...[day, plainLine(key) || '-', plainLine(model) || '-'],
    ...[requests, failed, promptTokens, completionTokens].map(String),
  ]
}
