import type { Command } from 'commander'
import { defined, plainLine } from '../protocol/index.ts'
import {
  type Change,
  type Configuration,
  changesOf,
  sectionOf,
  type Values,
  valuesOf,
} from './config/index.ts'
import type { Environment } from './environment.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { Interrupts } from './interrupts.ts'
import type { LogDoor, LogOptions } from './log/index.ts'
import type { TypedOptions } from './report-error.ts'
import type { SharedOptions } from './shared-options.ts'
import type { Terminal } from './terminal.ts'

/** The process as commands see it. `main.ts` alone fills it in. */
export interface Surroundings {
  readonly env: Environment
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly interrupts: Interrupts
  /** The command that starts this CLI, for lines to copy: `skein`, or `npm run skein --` in a clone. */
  readonly commandName: string
  /** Script and executable that start this CLI in another process. */
  readonly mainFile: string
  readonly execPath: string
  /** Folder of the package's own files (the bundled model). */
  readonly packageRoot: string
  readonly version: string
  /** Limit on open file descriptors. @returns undefined if unlimited */
  readonly openFileLimit?: () => number | undefined
  /** What every terminal logs through. */
  readonly log: LogDoor
  createTerminal(json: boolean): Terminal
  /** Calls `listener` when the process ends, for any reason. @returns unsubscribe */
  onExit(listener: () => void): () => void
}

/** One run of one command. */
export interface Session extends Surroundings {
  readonly terminal: Terminal
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal
  /**
   * Reads environment and configuration again.
   *
   * @param text of the configuration file; absent without a file
   * @throws UsageError naming the variable, or file, line and field
   */
  reread<O extends SharedOptions>(text: string | undefined): Promise<Reread<O>>
}

/** Options read again while the command runs. */
export interface Reread<O> {
  readonly options: O
  /** Differences to the options accepted last. */
  readonly changes: readonly Change[]
  accept(): void
}

/** A command's action. @returns an exit code, if not 0; throws on failure */
export type Action<O extends SharedOptions> = (
  session: Session,
  options: O,
  args: readonly string[],
) => Promise<number | undefined>

export interface ActionOptions {
  /** Whether environment and configuration file fill in the options that were not typed. @default true */
  readonly configured?: boolean
}

export interface Runtime {
  /** Wraps a command's action with its output, error report and exit code. */
  action<O extends SharedOptions>(
    action: Action<O>,
    options?: ActionOptions,
  ): (...received: unknown[]) => Promise<void>
  exitCode(): number
  readonly configuration: Configuration
}

export function createRuntime(surroundings: Surroundings, configuration: Configuration): Runtime {
  let exitCode = 0
  return {
    exitCode: () => exitCode,
    configuration,
    action:
      (action, { configured = true } = {}) =>
      async (...received) => {
        const command = received.at(-1) as Command
        let options = command.optsWithGlobals<Parameters<typeof action>[1]>()
        let terminal = surroundings.createTerminal(options.json === true)
        const { interrupts } = surroundings
        const { signal } = interrupts
        interrupts.onLate(() => reportLate(terminal, signal))
        interrupts.listen()
        try {
          let accepted: Values = new Map()
          if (configured) accepted = valuesOf(command, await configuration.configure(command))
          options = command.optsWithGlobals()
          surroundings.log.configure(logSettings(command, options))
          terminal = surroundings.createTerminal(options.json === true)
          const reread: Session['reread'] = async (text) => {
            const origins = await configuration.configure(command, { text })
            const values = valuesOf(command, origins)
            return {
              options: command.optsWithGlobals(),
              changes: changesOf(accepted, values, origins),
              accept() {
                accepted = values
              },
            }
          }
          const session: Session = { ...surroundings, terminal, signal, reread }
          exitCode = (await action(session, options, command.args)) ?? 0
        } catch (error) {
          const { exitCodeOf } = await import('./exit-code-of.ts')
          const { reportError } = await import('./report-error.ts')
          reportError(terminal, error, surroundings.commandName, options as TypedOptions)
          exitCode = interrupts.exitCode() ?? exitCodeOf(error)
          interrupts.onLate(() => exitCode)
        }
      },
  }
}

/** @returns those that were set */
function logSettings(command: Command, { log: level, logFormat: format }: LogOptions): object {
  return { role: sectionOf(command), ...defined({ level, format }) }
}

/** What `reportError` says of a command that Ctrl-C ended, without waiting for anything. */
function reportLate(terminal: Terminal, { reason }: AbortSignal): ExitCode {
  const message = plainLine(reason instanceof Error ? reason.message : String(reason))
  terminal.emit({ event: 'error', code: 'cancelled', message } as { event: 'error' })
  terminal.log(`skein: ${message}`, { level: 'error', code: 'cancelled' })
  return EXIT.interrupted
}
