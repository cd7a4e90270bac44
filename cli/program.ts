import { Command, CommanderError } from 'commander'
import { CATALOG } from './commands/index.ts'
import { createConfiguration } from './config/index.ts'
import { EXIT, EXIT_CODE_HELP } from './exit-codes.ts'
import { createRuntime, type Runtime, type Surroundings } from './runtime.ts'

/**
 * Runs one command line.
 *
 * @param args what follows the program's name.
 * @returns the exit code.
 */
export async function runProgram(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const json = args.includes('--json')
  const terminal = surroundings.createTerminal(json)
  const configuration = createConfiguration({
    env: surroundings.env,
    names: new Set(Object.keys(CATALOG)),
    load: async () => {
      const entries = Object.entries(CATALOG)
      const created = entries.map(
        async ([name, { load }]) => [name, (await load())(runtime)] as const,
      )
      return new Map(await Promise.all(created))
    },
  })
  const runtime: Runtime = createRuntime(surroundings, configuration)
  const wanted = args.find((arg) => !arg.startsWith('-') && arg !== 'help')
  const program = new Command('skein')
    .description(
      'A peer-to-peer network for LLM inference: share a model, or use one that other peers share.',
    )
    .version(surroundings.version, '-V, --version')
    .addHelpText('after', `\n${help(surroundings.commandName)}`)
  for (const [name, { summary, load }] of Object.entries(CATALOG)) {
    const command = name === wanted ? (await load())(runtime) : new Command(name)
    program.addCommand(command.summary(summary))
  }
  program
    .command('exit-codes')
    .summary('list the exit codes that scripts may rely on')
    .addHelpText('after', `\n${EXIT_CODE_HELP}`)
    .action(() => {
      surroundings.stdout.write(`${EXIT_CODE_HELP}\n`)
    })
  for (const command of [program, ...descendants(program)]) {
    command.exitOverride()
    command.configureOutput({
      writeErr: (text) => terminal.log(text.trimEnd(), { level: 'error', code: 'usage' }),
      // Reported like every other failure.
      outputError: (text, write) => write(text.replace(/^error: /, 'skein: ')),
    })
    command.showHelpAfterError(
      `  \`${helpFor(surroundings.commandName, command)}\` lists its options.`,
    )
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return runtime.exitCode()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return EXIT.ok
    const message = error.message.replace(/^error: /, '')
    terminal.emit({ event: 'error', code: 'usage', message } as { event: 'error' })
    return EXIT.usage
  }
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)])
}

function helpFor(commandName: string, command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name())
  return [commandName, ...names, '--help'].join(' ')
}

function help(commandName: string): string {
  return `Start here:
  ${commandName} demo                     run a small swarm on this machine
  ${commandName} up                       share, ask, and open the console; prints how others join
  ${commandName} node                     share a model; prints the command to join with
  ${commandName} ask "Count from 1 to 60."
  ${commandName} gateway                  OpenAI's API on this machine, for any client
  ${commandName} help COMMAND             all options of a command

${EXIT_CODE_HELP}`
}
