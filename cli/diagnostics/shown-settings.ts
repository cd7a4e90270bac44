import type { Command } from 'commander'
import { allSettingsOf, readConfigFor, SECRET_SETTINGS } from '../config/index.ts'
import type { Environment } from '../environment.ts'

/** Settings whose values name nothing of the user's. Numbers and switches do not either. */
const HARMLESS: ReadonlySet<string> = new Set(['canaries', 'log', 'log-format'])
/** Settings whose values open something, and must not appear in other parts of the report. */
const SECRET: ReadonlySet<string> = new Set([
  ...SECRET_SETTINGS,
  'backend',
  'provider',
  'provider-key',
])

export interface ShownSettings {
  /** `name: value` with where it comes from; a value that may be private is `(set)`. */
  readonly settings: readonly string[]
  /** Values that must not appear anywhere in the report. */
  readonly secrets: readonly string[]
}

/**
 * What the configuration file and the environment set, without private values.
 *
 * @param text of the file; absent without a file
 */
export async function shownSettings(
  text: string | undefined,
  path: string,
  { env, commands }: { env: Environment; commands: ReadonlyMap<string, Command> },
): Promise<ShownSettings> {
  const all = [...commands.values()].flatMap(allSettingsOf)
  const isHarmless = (name: string): boolean =>
    HARMLESS.has(name) ||
    all.some(
      ({ name: own, kind, parse }) =>
        own === name && (kind === 'switch' || /number|integer/.test(parse.schema?.type ?? '')),
    )
  const variables = new Map(all.map(({ variable, name }) => [variable, name]))
  const fromEnv = Object.entries(env).flatMap(([variable, value]) => {
    const name = variables.get(variable)
    return name === undefined || value === undefined
      ? []
      : [{ name, field: variable, texts: [value], shown: value }]
  })
  const { entries, faults } = await readConfigFor(text ?? '', path, { env, commands })
  const isInvalid = [...faults, ...entries.flatMap((entry) => entry.faults)].length > 0
  const given = [...fromEnv, ...entries]
  return {
    settings: [
      ...given.map(({ name, field, texts }) => {
        // A number in a setting for numbers, and nothing that was put there by mistake.
        const isShown = isHarmless(name) && texts.every((one) => /^[\w.-]{1,16}$/.test(one))
        return `${field}: ${isShown ? texts.join(', ') : '(set)'}`
      }),
      // Its faults may quote the file.
      ...(isInvalid ? ['the configuration file is invalid: `skein config check` says where'] : []),
    ],
    // What is only referred to is most likely a secret, too.
    secrets: given
      .filter(({ name, shown }) => SECRET.has(name) || shown.includes('${'))
      .flatMap(({ texts }) => secretsIn(texts)),
  }
}

/** Whole values, those behind `NAME=`, and what a URL carries beside its address. */
function secretsIn(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    const value = text.slice(text.indexOf('=') + 1)
    const url = URL.parse(value)
    const carried = url === null ? [] : [url.username, url.password, ...url.searchParams.values()]
    return [text, value, ...carried]
  })
}
