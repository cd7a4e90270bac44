import type { Command, Option } from 'commander'
import type { ListParser, Parser } from '../option-parsers.ts'

/** An option of a command as the environment and a configuration file name it. */
export interface Setting {
  /** The option's name without dashes, e.g. `max-queue`. `--no-mdns` is the setting `mdns`. */
  readonly name: string
  /** E.g. `SKEIN_MAX_QUEUE`. */
  readonly variable: string
  /** The option's key in commander, e.g. `maxQueue`. */
  readonly key: string
  readonly description: string
  readonly defaultValue: unknown
  /** A switch is on or off; a list holds several values. */
  readonly kind: 'switch' | 'value' | 'list'
  /** Of a value, or of one item of a list. */
  readonly parse: Parser<unknown>
  /** Between the items of a list in the environment. */
  readonly separator: RegExp
}

/** Options that say where settings come from, or what only a person at the command line asks. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(['config', 'help', 'local', 'sha256'])

/** The settings of one command. */
export function settingsOf(command: Command): Setting[] {
  return command.options
    .filter((option) => !NOT_SETTINGS.has(option.name()))
    .map((option) => settingOf(option))
}

/** The settings of a command and of those below it. */
export function allSettingsOf(command: Command): Setting[] {
  return [...settingsOf(command), ...command.commands.flatMap(allSettingsOf)]
}

/** E.g. `SKEIN_MAX_QUEUE` for `max-queue`. */
function variableOf(name: string): string {
  return `SKEIN_${name.toUpperCase().replaceAll('-', '_')}`
}

function settingOf(option: Option): Setting {
  const name = option.negate ? option.name().replace(/^no-/, '') : option.name()
  const list = listParserOf(option)
  return {
    name,
    variable: variableOf(name),
    key: option.attributeName(),
    // commander gives `--no-…` the default true when the command is built.
    defaultValue: option.negate ? (option.defaultValue ?? true) : option.defaultValue,
    description: option.negate ? `false: ${option.description}` : option.description,
    kind: option.isBoolean() || option.negate ? 'switch' : list === undefined ? 'value' : 'list',
    parse: list?.item ?? (option.parseArg as Parser<unknown> | undefined) ?? ((text) => text),
    separator: list?.separator ?? /[\s,]+/,
  }
}

function listParserOf({ parseArg }: Option): ListParser<unknown> | undefined {
  return parseArg !== undefined && 'separator' in parseArg
    ? (parseArg as unknown as ListParser<unknown>)
    : undefined
}
