import type { Command } from 'commander'
import { allSettingsOf, type Setting } from './settings.ts'

/** JSON Schema (draft 2020-12) of `skein.yaml`, made from the options of all commands. */
export function configSchema(commands: ReadonlyMap<string, Command>): object {
  const sections = [...commands].map(([name, command]) => {
    return [name, sectionSchema(allSettingsOf(command), command.summary())] as const
  })
  const everywhere = [...commands.values()].flatMap((command) => allSettingsOf(command))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Skein',
    ...sectionSchema(
      everywhere,
      'Settings for every command that has them; a command\u2019s own section wins.',
    ),
    properties: { ...propertiesOf(everywhere), ...Object.fromEntries(sections) },
  }
}

function sectionSchema(settings: readonly Setting[], description: string): object {
  return {
    description,
    type: 'object',
    properties: propertiesOf(settings),
    additionalProperties: false,
  }
}

function propertiesOf(settings: readonly Setting[]): Record<string, object> {
  return Object.fromEntries(
    settings.map((setting) => [setting.name, schemaOf(setting)] as const).toSorted(byName),
  )
}

function byName([a]: readonly [string, object], [b]: readonly [string, object]): number {
  return a < b ? -1 : 1
}

function schemaOf({ kind, parse, description }: Setting): object {
  if (kind === 'switch') return { description, type: 'boolean' }
  const value = parse.schema === undefined ? TEXT : { anyOf: [parse.schema, REFERENCE] }
  if (kind === 'value') return { description, ...value }
  return { description, anyOf: [value, { type: 'array', items: value }, { type: 'object' }] }
}

const TEXT = { type: ['string', 'number'] }

/** `${NAME}` and `${file:PATH}` stand for a value. */
const REFERENCE = { type: 'string', pattern: '\\$\\{.+\\}' }
