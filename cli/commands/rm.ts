import { Command } from 'commander'
import { removeLocalModel } from '../../backend/index.ts'
import { InferenceError, plainLine } from '../../protocol/index.ts'
import { chooseDoor, type Door, modelsHere, order, servingDoors } from '../control/index.ts'
import { modelCache } from '../directories.ts'
import { namedModel } from '../local-models/index.ts'
import { withLocalOptions } from '../local-options.ts'
import type { Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'

export function rmCommand(runtime: Runtime): Command {
  return withLocalOptions(
    new Command('rm')
      .description('Deletes a model from this machine, unless something uses it.')
      .argument('<model>', 'as `skein models --local` lists it'),
  ).action(runtime.action(remove))
}

/** A process that serves the model deletes it itself, so that it offers it no longer. */
export async function remove(
  session: Session,
  options: SharedOptions,
  [name = '']: readonly string[],
): Promise<undefined> {
  const { terminal, env } = session
  const here = await modelsHere(session, options.dataDir)
  // The models of other engines have no file of Skein's.
  const isEngines = here.some((model) => model.path === undefined && model.name === name)
  if (isEngines) {
    const door = await chooseDoor(session, options, 'models')
    await order(session, door, { order: 'rm', model: name }, () => {})
    terminal.emit({ event: 'removed', name, pid: door.pid } as { event: 'removed' })
    terminal.print(`Removed ${plainLine(name)} at process ${door.pid}\n`)
    return undefined
  }
  const model = await namedModel(env, name)
  const doors = await servingDoors(session, model.path, options.dataDir)
  if (doors.length > 1) throw servedBySeveral(session, model.name, doors)
  const [door] = doors
  if (door === undefined) await removeLocalModel(modelCache(env), model)
  else await order(session, door, { order: 'rm', model: model.path }, () => {})
  const { path, bytes } = model
  terminal.emit({ event: 'removed', name: model.name, path, bytes } as { event: 'removed' })
  terminal.print(`Removed ${plainLine(model.name)} (${plainLine(path)})\n`)
  return undefined
}

function servedBySeveral(
  { commandName }: Pick<Session, 'commandName'>,
  name: string,
  doors: readonly Door[],
): InferenceError {
  const commands = doors.map(
    (door) => `\n  ${commandName} unload ${name} --withdraw --data-dir ${door.dataDir}`,
  )
  return new InferenceError(
    'over_capacity',
    `several processes serve ${name}; end that first:${commands.join('')}`,
    { details: { param: 'model' } },
  )
}
