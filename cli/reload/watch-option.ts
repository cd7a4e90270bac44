import type { Command } from 'commander'

/** For commands that run until they are stopped. */
export function withWatchOption(command: Command): Command {
  return command.option(
    '--watch',
    'follow the configuration file: changed settings hold without a restart, as after SIGHUP',
  )
}
