import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { plainLine } from '../../protocol/index.ts'
import {
  checkConfig,
  configPath,
  configSchema,
  type Origin,
  settingsOf,
  unknownVariables,
  withoutSecret,
} from '../config/index.ts'
import { EXIT } from '../exit-codes.ts'
import { configOption, jsonOption } from '../local-options.ts'
import type { Action, Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

/** `skein config …`: what is configured, where each value comes from, and what is wrong with it. */
export function configCommand(runtime: Runtime): Command {
  const part = (name: string, summary: string, action: PartAction): Command =>
    new Command(name)
      .summary(summary)
      .description(`${summary}.`)
      .addOption(configOption())
      .addOption(jsonOption())
      .action(
        // The file is this command's subject: it must run although the file is invalid.
        runtime.action((session, options, args) => action(session, options, args, runtime), {
          configured: false,
        }),
      )
  return new Command('config')
    .description(
      'Shows and checks the configuration: command line, environment (SKEIN_MAX_QUEUE for --max-queue) and skein.yaml, in this order.',
    )
    .addCommand(
      part(
        'check',
        'check a configuration file, and name line and setting of each fault',
        check,
      ).argument('[file]', 'default: the file that commands read'),
    )
    .addCommand(
      part(
        'print',
        'print the settings of a command, and where each value comes from',
        print,
      ).argument('<command>', 'e.g. gateway'),
    )
    .addCommand(part('schema', 'print the JSON Schema of skein.yaml', schema))
}

type PartAction = (
  ...parameters: [...Parameters<Action<SharedOptions>>, runtime: Runtime]
) => Promise<number | undefined>

async function check(
  { terminal, env }: Session,
  options: SharedOptions,
  [file]: readonly string[],
  { configuration }: Runtime,
): Promise<number> {
  const { path } = configPath({ env, config: file ?? options.config })
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(`${path}: ${error.message}`)
  })
  const commands = await configuration.commands()
  const faults = await checkConfig(text, path, { env, commands })
  for (const { line, field, message } of faults) {
    terminal.emit({ event: 'fault', path, line, field, message } as { event: 'fault' })
    terminal.print(`${plainLine(message)}\n`)
  }
  const unknown = unknownVariables(env, commands)
  for (const name of unknown)
    terminal.log(`${plainLine(name)} is no setting, and is ignored`, { level: 'warn' })
  const ok = faults.length === 0
  terminal.emit({ event: 'done', ok, path, unknown } as { event: 'done' })
  if (ok) terminal.print(`${path} is valid.\n`)
  return ok ? EXIT.ok : EXIT.usage
}

async function print(
  { terminal }: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
  { configuration }: Runtime,
): Promise<undefined> {
  const commands = await configuration.commands()
  const command = commands.get(name)
  if (command === undefined) throw new UsageError(`no command is called ${name}`)
  if (settingsOf(command).length === 0) {
    const below = command.commands.map((child) => child.name()).join(', ')
    throw new UsageError(`${name} has no settings of its own; it consists of ${below}`)
  }
  if (options.config !== undefined) {
    command.setOptionValueWithSource('config', options.config, 'cli')
  }
  const rows = (await configuration.configure(command)).map((origin) => ({
    name: origin.setting.name,
    value: shownValue(origin, command.getOptionValue(origin.setting.key)),
    from: origin.from,
  }))
  for (const row of rows) terminal.emit({ event: 'setting', ...row } as { event: 'setting' })
  terminal.print(
    renderTable(
      ['SETTING', 'VALUE', 'FROM'],
      rows.map(({ name: setting, value, from }) => [setting, plainLine(value), plainLine(from)]),
    ),
  )
  return undefined
}

async function schema(
  { stdout }: Session,
  _options: SharedOptions,
  _args: readonly string[],
  { configuration }: Runtime,
): Promise<undefined> {
  const commands = await configuration.commands()
  stdout.write(`${JSON.stringify(configSchema(commands), null, 2)}\n`)
  return undefined
}

/** References to secrets are shown as written, and what is a secret itself is not shown. */
function shownValue({ setting, shown }: Origin, value: unknown): string {
  if (value === undefined) return ''
  if (shown !== undefined && /^\$\{[^}]+\}$/.test(shown)) return shown
  if (shown?.includes('${') === true) return withoutSecret(setting.name, shown)
  return (Array.isArray(value) ? value : [value])
    .map((one) => withoutSecret(setting.name, String(one)))
    .join(', ')
}
