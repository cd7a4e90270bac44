import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { diskFaultOf } from '../../storage/index.ts'
import { configHome } from '../directories.ts'
import type { Environment } from '../environment.ts'
import { UsageError } from '../usage-error.ts'
import { ConfigError, unknownSetting } from './config-error.ts'
import type { ConfigFile, Entry } from './entry.ts'
import { readValue } from './read-value.ts'
import { type Setting, settingsOf } from './settings.ts'

export interface Sources {
  readonly env: Environment
  /** `--config`, as typed. */
  readonly config?: string | undefined
  /** The file's text, instead of reading it. */
  readonly given?: { readonly text: string | undefined }
  /** Names of all commands: the sections of a file. */
  readonly sections: ReadonlySet<string>
  /** Whether a command, or with no section any command, has the setting. Asked only where this one does not. */
  isKnown(name: string, section?: string): Promise<boolean>
}

/** Where an option's value came from, as `skein config print` shows it. */
export interface Origin {
  readonly setting: Setting
  /** `the command line`, `default`, a variable's name, or a file with its line. */
  readonly from: string
  /** For a value from a file: the text as written, which contains no secret that is referred to. */
  readonly shown?: string
}

/**
 * Fills in the options that were not typed: from environment variables, else from the configuration file, else by their
 * defaults. An error changes nothing.
 *
 * @returns where each value came from
 * @throws UsageError naming the variable, or file, line and field
 */
export async function configure(command: Command, sources: Sources): Promise<Origin[]> {
  const file = await configFile(sources)
  const entries = file === undefined ? [] : await entriesFor(command, file, sources)
  const found = settingsOf(command).map((setting) => find(command, setting, sources, file, entries))
  for (const { setting, value, source } of found) {
    if (source !== 'cli') command.setOptionValueWithSource(setting.key, value, source)
  }
  return found
}

interface Found extends Origin {
  readonly value: unknown
  readonly source: 'cli' | 'env' | 'config' | 'default'
}

function find(
  command: Command,
  setting: Setting,
  { env }: Pick<Sources, 'env'>,
  file: ConfigFile | undefined,
  entries: readonly Entry[],
): Found {
  if (command.getOptionValueSource(setting.key) === 'cli') {
    const value: unknown = command.getOptionValue(setting.key)
    return { setting, value, source: 'cli', from: 'the command line' }
  }
  const text = env[setting.variable]
  if (text !== undefined && text.trim() !== '') {
    const texts = setting.kind === 'list' ? split(text, setting.separator) : [text]
    const value = read(setting, texts, (why) => new UsageError(`${setting.variable}: ${why}`))
    return { setting, value, source: 'env', from: setting.variable }
  }
  const entry = entries.find(({ name }) => name === setting.name)
  if (entry === undefined || file === undefined) {
    return { setting, value: setting.defaultValue, source: 'default', from: 'default' }
  }
  const { path } = file
  const { line, field, shown, faults } = entry
  const [fault] = faults
  if (fault !== undefined) throw new ConfigError(path, line, field, fault)
  const value = read(setting, entry.texts, (why) => new ConfigError(path, line, field, why))
  return { setting, value, source: 'config', from: `${path}:${line}`, shown }
}

/** Where the configuration is read from: `--config`, else SKEIN_CONFIG, else the usual place. Empty: it does not exist. */
export function configPath({ config, env }: Pick<Sources, 'config' | 'env'>): {
  readonly path: string
  /** It was named, so that it must exist. */
  readonly isNamed: boolean
} {
  const named = config ?? env.SKEIN_CONFIG
  if (named !== undefined) return { path: named, isNamed: true }
  const home = configHome(env)
  return { path: home === undefined ? '' : join(home, 'skein.yaml'), isNamed: false }
}

/** @returns undefined if it does not exist. An empty SKEIN_CONFIG disables the usual place. */
async function configFile(sources: Sources): Promise<ConfigFile | undefined> {
  const { path, isNamed } = configPath(sources)
  if (path === '') return undefined
  if (sources.given !== undefined && sources.given.text === undefined) return undefined
  let text: string
  try {
    text = sources.given?.text ?? (await readFile(path, 'utf8'))
  } catch (error) {
    const fault = diskFaultOf(error)
    if (!isNamed && fault?.code === 'ENOENT') return undefined
    const why = error instanceof Error ? error.message : String(error)
    if (fault === undefined || fault.code === 'ENOENT') throw new UsageError(`${path}: ${why}`)
    const advice = isNamed ? '' : '; an empty SKEIN_CONFIG does without it'
    throw new UsageError(`cannot read ${path}: ${fault.reason}${advice}`)
  }
  // The parser is loaded only where there is a file: most commands run without one.
  const { parseConfig } = await import('./parse-config.ts')
  return { path, entries: parseConfig(text, path, sources) }
}

/**
 * The entries that hold for a command, those of its section first.
 *
 * @throws ConfigError for a name that no command has
 */
async function entriesFor(command: Command, file: ConfigFile, sources: Sources): Promise<Entry[]> {
  const known = new Set(settingsOf(command).map(({ name }) => name))
  const section = sectionOf(command)
  for (const entry of file.entries) {
    // Sections of other commands are left to those commands and to `skein config check`.
    const isForeign = entry.section !== undefined && entry.section !== section
    if (isForeign || known.has(entry.name)) continue
    if (!(await sources.isKnown(entry.name, entry.section))) throw unknownSetting(file.path, entry)
  }
  const mine = file.entries.filter(({ name }) => known.has(name))
  return [
    ...mine.filter((entry) => entry.section === section),
    ...mine.filter((entry) => entry.section === undefined),
  ]
}

function read(
  setting: Setting,
  texts: readonly string[],
  fault: (why: string) => UsageError,
): unknown {
  try {
    return readValue(setting, texts)
  } catch (error) {
    throw fault(error instanceof Error ? error.message : String(error))
  }
}

function split(text: string, separator: RegExp): string[] {
  return text.split(separator).filter((each) => each !== '')
}

/** The name of the command below the program, e.g. `gateway` for `gateway key add`. */
export function sectionOf(command: Command): string {
  let at = command
  while (at.parent?.parent) at = at.parent
  return at.name()
}
