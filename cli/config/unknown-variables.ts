import type { Command } from 'commander'
import type { Environment } from '../environment.ts'
import { allSettingsOf } from './settings.ts'

/** Read elsewhere: they name no option. */
const OTHERS: ReadonlySet<string> = new Set(['SKEIN_CONFIG', 'SKEIN_BACKEND_API_KEY'])

/** Variables that look like settings and are not: most likely typing errors. */
export function unknownVariables(
  env: Environment,
  commands: ReadonlyMap<string, Command>,
): string[] {
  const known = new Set(
    [...commands.values()].flatMap(allSettingsOf).map(({ variable }) => variable),
  )
  return Object.keys(env)
    .filter((name) => name.startsWith('SKEIN_') && !known.has(name) && !OTHERS.has(name))
    .toSorted((a, b) => a.localeCompare(b))
}
