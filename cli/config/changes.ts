import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import type { Origin } from './configure.ts'
import type { Setting } from './settings.ts'

/** Values of settings, by the option's key in commander. */
export type Values = ReadonlyMap<string, unknown>

/** A setting whose value differs from the one before. */
export interface Change {
  readonly setting: Setting
  /** Where the new value comes from, as in {@link Origin}. */
  readonly from: string
}

export function valuesOf(command: Command, origins: readonly Origin[]): Values {
  return new Map(origins.map(({ setting: { key } }) => [key, command.getOptionValue(key)]))
}

export function changesOf(before: Values, after: Values, origins: readonly Origin[]): Change[] {
  return origins.filter(
    ({ setting: { key } }) => !isDeepStrictEqual(before.get(key), after.get(key)),
  )
}
