import type { Command } from 'commander'
import type { Environment } from '../environment.ts'
import { ConfigError, unknownSetting } from './config-error.ts'
import type { Entry } from './entry.ts'
import type { ReadConfig } from './parse-config.ts'
import { readValue } from './read-value.ts'
import { allSettingsOf, type Setting } from './settings.ts'

type Fault = Pick<ConfigError, 'line' | 'field' | 'message'>

/** What a configuration file says, for all commands. Its faults name line and field. */
export async function readConfigFor(
  text: string,
  path: string,
  { env, commands }: { env: Environment; commands: ReadonlyMap<string, Command> },
): Promise<ReadConfig> {
  // Every command loads this folder; only those with a file need the parser.
  const { readConfig } = await import('./parse-config.ts')
  return readConfig(text, path, { env, sections: new Set(commands.keys()) })
}

/** All faults of a configuration file, for all commands, in order of their lines. */
export async function checkConfig(
  text: string,
  path: string,
  { env, commands }: { env: Environment; commands: ReadonlyMap<string, Command> },
): Promise<Fault[]> {
  const { entries, faults } = await readConfigFor(text, path, { env, commands })
  return [...faults, ...entries.flatMap((entry) => faultsOf(entry, path, commands))].toSorted(
    (a, b) => a.line - b.line,
  )
}

function faultsOf(entry: Entry, path: string, commands: ReadonlyMap<string, Command>): Fault[] {
  const holders = [...commands].filter(([name]) => (entry.section ?? name) === name)
  const settings = holders
    .flatMap(([, command]) => allSettingsOf(command))
    .filter(({ name }) => name === entry.name)
  const unknown = settings.length === 0 ? [unknownSetting(path, entry)] : []
  const whys = entry.faults.length > 0 ? entry.faults : valueFaultsOf(entry, settings)
  return [...unknown, ...whys.map((why) => new ConfigError(path, entry.line, entry.field, why))]
}

/** Commands may mean the same setting differently: the faults for the first that cannot use it, each item of a list by itself. */
function valueFaultsOf({ texts }: Entry, settings: readonly Setting[]): readonly string[] {
  for (const setting of settings) {
    const values = setting.kind === 'list' ? texts.map((text) => [text]) : [texts]
    const whys = values.flatMap((value) => faultOf(setting, value) ?? [])
    if (whys.length > 0) return whys
  }
  return []
}

function faultOf(setting: Setting, texts: readonly string[]): string | undefined {
  try {
    readValue(setting, texts)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
