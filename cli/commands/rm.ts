import { Command } from 'commander'
import { removeLocalModel } from '../../backend/index.ts'
import { plainLine } from '../../protocol/index.ts'
import { modelCache } from '../directories.ts'
import { namedModel } from '../local-models/index.ts'
import type { Runtime, Session } from '../runtime.ts'
import { configOption, jsonOption, type SharedOptions } from '../shared-options.ts'

export function rmCommand(runtime: Runtime): Command {
  return new Command('rm')
    .description('Deletes a downloaded model from this machine, unless something uses it.')
    .argument('<model>', 'as `skein models --local` lists it')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(runtime.action(remove))
}

async function remove(
  { terminal, env }: Session,
  _options: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const model = await namedModel(env, name)
  await removeLocalModel(modelCache(env), model)
  const { path, bytes } = model
  terminal.emit({ event: 'removed', name: model.name, path, bytes } as { event: 'removed' })
  terminal.print(`Removed ${plainLine(model.name)} (${plainLine(path)})\n`)
  return undefined
}
