import { arch, cpus, release, totalmem } from 'node:os'
import { plainLine } from '../../protocol/index.ts'

export interface ReportParts {
  /** Skein's. */
  readonly version: string
  readonly settings: readonly string[]
  /** One text for each process. */
  readonly status: readonly string[]
  readonly warnings: readonly {
    readonly role: string
    readonly atMs: number
    readonly message: string
  }[]
  /** Absent if they were not run. */
  readonly checks: readonly string[] | undefined
}

/** The report in Markdown, before it is redacted. */
export function reportText({ version, settings, status, warnings, checks }: ReportParts): string {
  const machine = `${process.platform} ${release()} ${arch()}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB`
  const last = warnings
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(
      ({ role, atMs, message }) => `${new Date(atMs).toISOString()} ${role}: ${plainLine(message)}`,
    )
  return [
    `Skein ${version}, Node ${process.versions.node}, ${machine}`,
    section('Settings', settings),
    section(
      'Running here',
      status.flatMap((text) => text.trimEnd().split('\n')),
    ),
    section('Last warnings', last),
    section('Checks', checks ?? ['not run']),
  ].join('\n')
}

function section(title: string, lines: readonly string[]): string {
  const shown = lines.length === 0 ? ['none'] : lines
  return `\n## ${title}\n\n\`\`\`text\n${shown.join('\n').replaceAll('```', '')}\n\`\`\`\n`
}
