import type { Command } from 'commander'
import { wholeNumber } from '../option-parsers.ts'

/** Options of the commands that can be monitored over HTTP. */
export interface MonitorOptions {
  readonly httpPort?: number
  readonly httpHost?: string
}

export function withMonitorOptions(command: Command): Command {
  return command
    .option(
      '--http-port <n>',
      'serve /metrics, /healthz and /readyz here; 0 picks a free one (default: off)',
      wholeNumber(0, 65_535),
    )
    .option(
      '--http-host <address>',
      'address for --http-port; other machines can read the metrics if it is not a loopback address (default: 127.0.0.1)',
    )
}
