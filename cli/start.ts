import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { plainLine } from '../protocol/index.ts'
import { diskFaultOf, makeDirectory } from '../storage/index.ts'
import { cacheHome } from './directories.ts'
import type { Environment } from './environment.ts'
import { EXIT } from './exit-codes.ts'
import { earlyLogSettings, LogDoor } from './log/index.ts'
import { isOutOfDescriptors } from './open-files.ts'
import { createTerminal } from './terminal.ts'

// The script that starts this CLI anew: it checks the version of Node first.
const mainFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
)
const packageRoot = findPackageRoot(dirname(mainFile))
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string
}
const { stdin, stdout, stderr } = process
const env: Environment = process.env
const args = process.argv.slice(2)
const log = new LogDoor(stderr)
log.configure(earlyLogSettings(args, env))

stdout.on('error', unwritten)
stderr.on('error', () => undefined)

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
      log.write(`skein: unexpected error: ${plainLine(error.message)}`, { level: 'error', advice })
    }
    process.exit(EXIT.failure)
  }
  log.write('skein: out of file descriptors', {
    level: 'error',
    advice: 'Raise the limit (ulimit -n).',
  })
})

// Answered before loading the modules below, which takes most of the start.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  stdout.write(`${version}\n`, (error) => {
    if (error) unwritten(error)
    else process.exit(EXIT.ok)
  })
} else {
  // The compile cache is in a directory of the user's own: other users can write to the system's temporary one.
  await cacheCompiled()
  await run()
}

/** Ends the process. A reader that closes early (`skein models | head`) is not an error; a full disk is. */
function unwritten(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  const why = diskFaultOf(error)?.reason ?? error.message
  const written = (): void => process.exit(EXIT.failure)
  log.write(`skein: cannot write the output: ${why}`, { level: 'error' }, written)
}

/** Node would make the directory itself, with the recursive mkdir that may never return. */
async function cacheCompiled(): Promise<void> {
  try {
    const directory = join(cacheHome(env), 'compiled')
    await makeDirectory(directory)
    module.enableCompileCache(directory)
  } catch {
    // It saves time and nothing else.
  }
}

async function run(): Promise<void> {
  const { createInterrupts } = await import('./interrupts.ts')
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

/** From `cli/start.ts` in a clone and from `dist/cli/start.js` alike. */
function findPackageRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw new Error('the package is incomplete: no package.json')
  }
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
