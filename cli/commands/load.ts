import { Command } from 'commander'
import { chooseDoor, order } from '../control/index.ts'
import { withLocalOptions } from '../local-options.ts'
import { createProgress } from '../progress.ts'
import type { Runtime, Session } from '../runtime.ts'
import type { SharedOptions } from '../shared-options.ts'

export function loadCommand(runtime: Runtime): Command {
  return controlling(
    new Command('load').description(
      'Loads a model of this machine at a running node, which shares it from then on. Others that are idle leave memory for it.',
    ),
  ).action(runtime.action(run('load', 'Loaded')))
}

export function unloadCommand(runtime: Runtime): Command {
  return controlling(
    new Command('unload').description(
      'Frees the memory of a model at a running node, unless it answers. The node still offers it, and loads it at the next request; --withdraw ends that, too.',
    ),
  )
    .option('--withdraw', 'stop sharing it as well')
    .action(
      runtime.action(async (session, options: SharedOptions & { withdraw?: boolean }, args) => {
        const isWithdrawn = options.withdraw === true
        const done = isWithdrawn ? 'No longer shared:' : 'Unloaded'
        return await run(isWithdrawn ? 'unshare' : 'unload', done)(session, options, args)
      }),
    )
}

function controlling(command: Command): Command {
  return withLocalOptions(command.argument('<model>', 'as `skein models --local` lists it'))
}

/** The events of `--json`. */
const EVENTS = { load: 'loaded', unload: 'unloaded', unshare: 'unshared' } as const

function run(name: 'load' | 'unload' | 'unshare', done: string) {
  return async (
    session: Session,
    options: SharedOptions,
    [model = '']: readonly string[],
  ): Promise<undefined> => {
    const { terminal } = session
    const door = await chooseDoor(session, options, 'models')
    const progress = createProgress(terminal, { label: 'Loading', unit: 'fraction' })
    try {
      await order(session, door, { order: name, model }, (share) => {
        progress.update(share.done, share.total)
        terminal.emit({ ...share, event: 'progress' })
      })
    } finally {
      progress.end()
    }
    terminal.emit({ event: EVENTS[name], model, pid: door.pid } as { event: string })
    terminal.print(`${done} ${model} at process ${door.pid}\n`)
    return undefined
  }
}
