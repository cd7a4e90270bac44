import { UsageError } from '../usage-error.ts'
import type { Entry } from './entry.ts'

/** A configuration file is invalid. The message begins with file and line. */
export class ConfigError extends UsageError {
  override readonly name = 'ConfigError'

  /** Counted from 1. */
  readonly line: number
  /** E.g. `gateway.port`; absent if the fault belongs to no single setting. */
  readonly field: string | undefined

  constructor(path: string, line: number, field: string | undefined, why: string) {
    super(`${path}:${line}: ${field === undefined ? '' : `${field}: `}${why}`)
    this.line = line
    this.field = field
  }
}

export function unknownSetting(path: string, { line, field, section }: Entry): ConfigError {
  const why = section === undefined ? 'No command has' : `\`${section}\` does not have`
  return new ConfigError(path, line, field, `${why} a setting of this name.`)
}
