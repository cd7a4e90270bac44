import { plainLine } from '../protocol/index.ts'
import type { Environment } from './environment.ts'
import { EXIT } from './exit-codes.ts'
import { createInterrupts } from './interrupts.ts'
import { earlyLogSettings, LogDoor } from './log/index.ts'
import { isOutOfDescriptors } from './open-files.ts'
import { createTerminal } from './terminal.ts'
import { endUnwritten } from './unwritten.ts'

/** What the start of the process found. */
export interface ProcessInit {
  readonly args: readonly string[]
  /** Starts this CLI anew. */
  readonly mainFile: string
  readonly packageRoot: string
  readonly version: string
}

/** Runs a command on this process's streams and signals, and exits with its code. */
export async function runProcess({
  args,
  mainFile,
  packageRoot,
  version,
}: ProcessInit): Promise<void> {
  const { stdin, stdout, stderr } = process
  const env: Environment = process.env
  const log = new LogDoor(stderr)
  log.configure(earlyLogSettings(args, env))

  const unwritten = (error: NodeJS.ErrnoException): void =>
    endUnwritten(error, (line, done) => log.write(line, { level: 'error' }, done))
  stdout.on('error', unwritten)
  stderr.on('error', () => undefined)
  catchStrayErrors(log, env)

  const interrupts = createInterrupts(process, (exitCode) => process.exit(exitCode))
  const { runProgram } = await import('./program.ts')
  const exitCode = await runProgram(args, {
    env,
    stdin,
    stdout,
    interrupts,
    commandName: mainFile.endsWith('.ts') ? 'npm run skein --' : 'skein',
    mainFile,
    execPath: process.execPath,
    packageRoot,
    version,
    openFileLimit: readOpenFileLimit,
    log,
    createTerminal: (json) =>
      createTerminal({
        stdout,
        stderr,
        log,
        stdinIsTty: stdin.isTTY === true,
        json,
        color: env.NO_COLOR === undefined || env.NO_COLOR === '',
      }),
    onExit(listener) {
      process.on('exit', listener)
      return () => process.off('exit', listener)
    },
  })
  // Exits although libraries may still hold handles open; written output is flushed first.
  stdout.write('', (error) => {
    if (error) unwritten(error)
    else process.exit(exitCode)
  })
}

function catchStrayErrors(log: LogDoor, env: Environment): void {
  // libp2p may reject after the last handler is gone; that must not stop a node.
  process.on('unhandledRejection', (reason) => {
    const why = reason instanceof Error ? reason.message : String(reason)
    log.write(`skein: ignored: ${plainLine(why)}`, { level: 'warn' })
  })

  // Libraries open sockets from timers. Running out of file descriptors is temporary and must not end the process.
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    if (!isOutOfDescriptors(error)) {
      const isDebugged = env['DEBUG'] !== undefined && env['DEBUG'] !== ''
      if (isDebugged) log.write(`skein: ${error.stack}`, { level: 'error' })
      else {
        const advice =
          'This is a bug in Skein. With DEBUG=skein:* the command also prints where it happened.'
        log.write(`skein: unexpected error: ${plainLine(error.message)}`, {
          level: 'error',
          advice,
        })
      }
      process.exit(EXIT.failure)
    }
    log.write('skein: out of file descriptors', {
      level: 'error',
      advice: 'Raise the limit (ulimit -n).',
    })
  })
}

function readOpenFileLimit(): number | undefined {
  // The report's look at the network resolves names.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: number | 'unlimited' } }
  }
  const soft = report.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}
