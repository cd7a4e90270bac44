import { Argument, Command } from 'commander'
import { completionScript, SHELLS, type Shell } from '../completion/index.ts'
import type { Runtime, Session } from '../runtime.ts'

export function completionCommand(runtime: Runtime): Command {
  return new Command('completion')
    .description(
      'Prints a script with which a shell completes commands and options. Its first line says where to put it.',
    )
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(
      runtime.action(
        async ({ stdout }: Session, _options, [shell]) => {
          const commands = await runtime.configuration.commands()
          stdout.write(completionScript(shell as Shell, commands))
          return undefined
        },
        { configured: false },
      ),
    )
}
