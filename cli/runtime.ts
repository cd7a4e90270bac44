import type { Command } from 'commander'
import type { Environment } from './environment.ts'
import type { Interrupts } from './interrupts.ts'
import type { TypedOptions } from './report-error.ts'
import type { SharedOptions } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

/** The process as commands see it. `main.ts` alone fills it in. */
export interface Surroundings {
  readonly env: Environment
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly interrupts: Interrupts
  /** How this CLI was started, for lines that are meant to be copied: `skein`, or `npm run skein --` in a clone. */
  readonly commandName: string
  /** The script that starts this CLI anew in another process, and the program that runs it. */
  readonly mainFile: string
  readonly execPath: string
  /** Where the package's own files are (the bundled model). */
  readonly packageRoot: string
  readonly version: string
  /** File descriptors that the process may have open. @returns undefined where there is no bound */
  readonly openFileLimit?: () => number | undefined
  createTerminal(json: boolean): Terminal
  /** Called as soon as the process ends, whatever ends it. Returns the undoing. */
  onExit(listener: () => void): () => void
}

/** One run of one command. */
export interface Session extends Surroundings {
  readonly terminal: Terminal
  /** Fires when the process is told to stop. */
  readonly signal: AbortSignal
}

/** What a command does. It may return an exit code; failing, it throws. */
export type Action<O extends SharedOptions> = (
  session: Session,
  options: O,
  args: readonly string[],
) => Promise<number | undefined>

export interface Runtime {
  /** Wraps a command's action: its output, its failure's report and its exit code. */
  action<O extends SharedOptions>(action: Action<O>): (...received: unknown[]) => Promise<void>
  exitCode(): number
}

export function createRuntime(surroundings: Surroundings): Runtime {
  let exitCode = 0
  return {
    exitCode: () => exitCode,
    action:
      (action) =>
      async (...received) => {
        const command = received.at(-1) as Command
        const options = command.optsWithGlobals<Parameters<typeof action>[1]>()
        const terminal = surroundings.createTerminal(options.json === true)
        const { signal } = surroundings.interrupts
        try {
          exitCode =
            (await action({ ...surroundings, terminal, signal }, options, command.args)) ?? 0
        } catch (error) {
          const { exitCodeOf } = await import('./exit-code-of.ts')
          const { reportError } = await import('./report-error.ts')
          reportError(terminal, error, surroundings.commandName, options as TypedOptions)
          exitCode = surroundings.interrupts.exitCode() ?? exitCodeOf(error)
        }
      },
  }
}
