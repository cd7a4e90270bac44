import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
} from 'yaml'
import { ConfigError } from './config-error.ts'
import type { Entry } from './entry.ts'
import { expandReferences } from './references.ts'

/** Characters of a file: a longer one is no configuration. */
const MAX_LENGTH = 262_144
/** Brackets within brackets. */
const MAX_DEPTH = 64
/** Aliases in one setting: each is looked up in the whole file. */
const MAX_ALIASES = 64
/** Values of one setting, those that aliases repeat included. */
const MAX_VALUES = 10_000

/** Errors of the parser that speak of its own methods, or leave the reader to guess. */
const SYNTAX: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'This setting stands in the file a second time.',
  MULTIPLE_DOCS: 'It must be one document: the line --- begins another.',
}

type Variables = Readonly<Record<string, string | undefined>>

export interface ParseConfigOptions {
  /** Names of commands: a mapping of this name holds the settings of that command. */
  readonly sections: ReadonlySet<string>
  /** Resolves `${NAME}`. */
  readonly env: Variables
}

/** What a configuration file says, and what keeps it from being one. */
export interface ReadConfig {
  readonly entries: readonly Entry[]
  /** Those of single settings are at their entries. */
  readonly faults: readonly ConfigError[]
}

/**
 * Parses a configuration file in YAML: settings at the top, and a mapping of settings for each command.
 *
 * @throws ConfigError naming line and field. One of a single setting counts where the setting is used
 */
export function parseConfig(
  text: string,
  path: string,
  options: ParseConfigOptions,
): readonly Entry[] {
  const { entries, faults } = readConfig(text, path, options)
  const [first] = faults
  if (first !== undefined) throw first
  return entries
}

/** {@link parseConfig} with all faults. */
export function readConfig(
  text: string,
  path: string,
  { sections, env }: ParseConfigOptions,
): ReadConfig {
  const only = (line: number, why: string): ReadConfig => ({
    entries: [],
    faults: [new ConfigError(path, line, undefined, why)],
  })
  if (text.length > MAX_LENGTH) return only(1, 'It is longer than 256 KiB.')
  if (isTooDeep(text)) return only(1, 'It is nested too deeply.')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const faults = document.errors.map(
    ({ pos, code, message }) =>
      new ConfigError(path, lines.linePos(pos[0]).line, undefined, SYNTAX[code] ?? message),
  )
  // Behind an error of syntax the rest means something else.
  if (document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) return { entries: [], faults }
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return { entries: [], faults }
  if (!isMap(root)) return only(1, 'It must be a mapping of settings, like `mdns: false`.')
  const entryOf = (pair: Pair, section?: string): Entry => {
    const name = nameOf(pair)
    const line = lineOf(pair, lines)
    const field = section === undefined ? name : `${section}.${name}`
    const problems: string[] = []
    const written = textsIn(pair.value, document, (why) => problems.push(why))
    return {
      ...(section !== undefined && { section }),
      name,
      field,
      texts: written.map((each) => expandReferences(each, env, (why) => problems.push(why))),
      shown: written.join(', '),
      line,
      faults: problems,
    }
  }
  const entries = root.items.flatMap((pair) => {
    const section = nameOf(pair)
    if (!sections.has(section)) return [entryOf(pair)]
    if (isMap(pair.value)) return pair.value.items.map((inner) => entryOf(inner, section))
    if (isScalar(pair.value) && pair.value.value === null) return []
    const why = `It must be a mapping of settings of \`${section}\`.`
    faults.push(new ConfigError(path, lineOf(pair, lines), section, why))
    return []
  })
  return { entries, faults }
}

/** Whether brackets are nested so deeply that the parser would not return. */
function isTooDeep(text: string): boolean {
  let depth = 0
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    depth = Math.max(0, depth + (bracket === '[' || bracket === '{' ? 1 : -1))
    if (depth > MAX_DEPTH) return true
  }
  return false
}

/** The texts of a setting; none if it has no value, which is reported. */
function textsIn(node: unknown, document: Document, onFault: (why: string) => void): string[] {
  try {
    return textsOf(node, { document, valuesLeft: MAX_VALUES, aliasesLeft: MAX_ALIASES })
  } catch (error) {
    onFault(error instanceof Error ? error.message : String(error))
    return []
  }
}

/** The reading of one setting. */
interface Reading {
  readonly document: Document
  valuesLeft: number
  aliasesLeft: number
}

function textsOf(node: unknown, reading: Reading): string[] {
  reading.valuesLeft -= 1
  // A few aliases of aliases can stand for more values than there is memory.
  if (reading.valuesLeft < 0) throw new Error(`It has more than ${MAX_VALUES} values.`)
  if (isAlias(node)) {
    reading.aliasesLeft -= 1
    if (reading.aliasesLeft < 0) throw new Error(`It has more than ${MAX_ALIASES} aliases.`)
    return textsOf(node.resolve(reading.document), reading)
  }
  if (isScalar(node)) return [scalarText(node.value)]
  if (isSeq(node)) return node.items.flatMap((item) => single(textsOf(item, reading)))
  if (isMap(node)) {
    return node.items.map((pair) => `${nameOf(pair)}=${textsOf(pair.value, reading).join(',')}`)
  }
  throw new Error('It has no value.')
}

/** A list of lists is a mistake. */
function single(texts: string[]): string[] {
  if (texts.length !== 1) throw new Error('Its items must be single values.')
  return texts
}

function scalarText(value: unknown): string {
  if (value === null || value === undefined) throw new Error('It has no value.')
  return String(value)
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function lineOf({ key }: Pair, lines: LineCounter): number {
  return lines.linePos((isScalar(key) ? key.range?.[0] : undefined) ?? 0).line
}
