import type { Command } from 'commander'
import type { Environment } from '../environment.ts'
import { ConfigError, unknownSetting } from './config-error.ts'
import type { Entry } from './entry.ts'
import { readValue } from './read-value.ts'
import { allSettingsOf } from './settings.ts'

type Fault = Pick<ConfigError, 'line' | 'field' | 'message'>

/**
 * What a configuration file sets.
 *
 * @throws ConfigError naming line and field
 */
export async function configEntries(
  text: string,
  path: string,
  { env, commands }: { env: Environment; commands: ReadonlyMap<string, Command> },
): Promise<readonly Entry[]> {
  // Every command loads this folder; only those with a file need the parser.
  const { parseConfig } = await import('./parse-config.ts')
  return parseConfig(text, path, { env, sections: new Set(commands.keys()) })
}

/** All faults of a configuration file, for all commands, in order of their lines. */
export async function checkConfig(
  text: string,
  path: string,
  { env, commands }: { env: Environment; commands: ReadonlyMap<string, Command> },
): Promise<Fault[]> {
  let entries: readonly Entry[]
  try {
    entries = await configEntries(text, path, { env, commands })
  } catch (error) {
    if (error instanceof ConfigError) return [error]
    throw error
  }
  return entries.flatMap((entry) => faultsOf(entry, path, commands))
}

function faultsOf(entry: Entry, path: string, commands: ReadonlyMap<string, Command>): Fault[] {
  const holders = [...commands].filter(([name]) => (entry.section ?? name) === name)
  const settings = holders
    .flatMap(([, command]) => allSettingsOf(command))
    .filter(({ name }) => name === entry.name)
  if (settings.length === 0) return [unknownSetting(path, entry)]
  for (const setting of settings) {
    try {
      readValue(setting, entry.texts)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return [new ConfigError(path, entry.line, entry.field, why)]
    }
  }
  return []
}
