import { EventEmitter } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createInterrupts } from '../../cli/interrupts.ts'
import { earlyLogSettings, LogDoor } from '../../cli/log/index.ts'
import { runProgram } from '../../cli/program.ts'
import { createTerminal } from '../../cli/terminal.ts'
import { type CliCommand, CommandOutput, type Finished, within } from './command.ts'

const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** A `skein` command that runs in the process of the test: the whole program but for the start of a process. */
export interface LocalCommand extends CliCommand {
  readonly stdin: PassThrough
  /** Delivers the signal to the command alone. */
  interrupt(signal: 'SIGHUP' | 'SIGINT' | 'SIGTERM'): void
}

export function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): LocalCommand {
  const output = new CommandOutput()
  const stdin = new PassThrough()
  const stdout = sink((text) => output.addStdout(text))
  const stderr = sink((text) => {
    output.stderr += text
  })
  const log = new LogDoor(stderr)
  log.configure(earlyLogSettings(args, env))
  const signals = new EventEmitter()
  const exit = Promise.withResolvers<number>()
  const interrupts = createInterrupts(signals, exit.resolve)
  const atExit = new Set<() => void>()
  const ended = runProgram(args, {
    ...{ env, interrupts, log, commandName: 'npm run skein --' },
    ...{ mainFile: MAIN, execPath: process.execPath, packageRoot: PACKAGE_ROOT, version: '0.0.0' },
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    createTerminal: (json) =>
      createTerminal({ stdout, stderr, log, stdinIsTty: false, json, color: false }),
    onExit(listener) {
      atExit.add(listener)
      return () => atExit.delete(listener)
    },
  })
  const finish = async (): Promise<Finished> => {
    const exitCode = await Promise.race([ended, exit.promise])
    interrupts.close()
    for (const listener of atExit) listener()
    // A process would be gone by now. Here the program goes on, with its sockets, until it ends by itself.
    await within(
      ended,
      () => `\`skein ${args.join(' ')}\` was to exit at once, and goes on: run it as a process`,
    )
    return output.end(exitCode, null)
  }
  const finished = finish()
  return {
    ...output.command(finished),
    stdin,
    interrupt: (signal) => void signals.emit(signal),
  }
}

function sink(onText: (text: string) => void): Writable {
  return new Writable({
    write(piece: Buffer, _encoding, done) {
      onText(piece.toString())
      done()
    },
  })
}
