import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '../environment.ts'
import type { LogSettings } from './log-door.ts'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log-level.ts'

export interface LogOptions {
  readonly log?: LogLevel
  readonly logFormat?: LogFormat
}

export function withLogOptions(command: Command): Command {
  return command
    .option(
      '--log <level>',
      `what is logged to stderr: ${LOG_LEVELS.join(', ')} (default: info)`,
      oneOf(LOG_LEVELS),
    )
    .option(
      '--log-format <format>',
      'text for people, or json: one object a line with time, level, role and message (default: text)',
      oneOf(LOG_FORMATS),
    )
}

/** The settings of a command line before it is parsed, for errors on the way there. Invalid values are ignored. */
export function earlyLogSettings(args: readonly string[], env: Environment): Partial<LogSettings> {
  const typed = (name: string): string | undefined => {
    const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`))
    return at < 0 ? undefined : (args[at]?.split('=', 2)[1] ?? args[at + 1])
  }
  const format = LOG_FORMATS.find(
    (one) => one === (typed('--log-format') ?? env['SKEIN_LOG_FORMAT']),
  )
  const level = LOG_LEVELS.find((one) => one === (typed('--log') ?? env['SKEIN_LOG']))
  return { ...(format !== undefined && { format }), ...(level !== undefined && { level }) }
}

function oneOf<T extends string>(values: readonly T[]): (text: string) => T {
  return (text) => {
    const value = values.find((one) => one === text)
    if (value === undefined) throw new InvalidArgumentError(`It must be ${values.join(' or ')}.`)
    return value
  }
}
