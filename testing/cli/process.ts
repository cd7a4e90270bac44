import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { byProcess, type CliCommand, CommandOutput, DEADLINE_MS, type Finished } from './command.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** A `skein` command as a real process. */
export interface CliProcess extends CliCommand {
  readonly pid: number
  readonly child: ChildProcessWithoutNullStreams
}

/** What runs a command line somewhere else when put before it. */
export interface Launcher {
  readonly launch: readonly string[]
}

export const HERE: Launcher = { launch: [] }

/**
 * @param deadlineMs longest wait for an event or a match in its output, without the time in which the process works
 * @param main the script of the commands. @default the sources
 */
export function startCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { launch }: Launcher = HERE,
  deadlineMs: number = DEADLINE_MS,
  main: string = MAIN,
): CliProcess {
  const [command = '', ...rest] = [...launch, process.execPath, main, ...args]
  const child = spawn(command, rest, { env })
  const output = new CommandOutput(byProcess(child.pid ?? 0, deadlineMs))
  child.stdout.on('data', (piece: Buffer) => output.addStdout(piece.toString()))
  child.stderr.on('data', (piece: Buffer) => {
    output.stderr += piece.toString()
  })
  child.stdin.on('error', () => undefined)
  const finished = new Promise<Finished>((resolve) => {
    child.once('error', ({ message }) => {
      output.stderr += `cannot be started: ${message}`
    })
    child.once('close', (exitCode, signal) => resolve(output.end(exitCode, signal)))
  })
  return { ...output.command(finished), pid: child.pid ?? 0, child }
}
