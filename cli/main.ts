#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheHome } from './directories.ts'
import type { Environment } from './environment.ts'
import { EXIT } from './exit-codes.ts'
import { plainLine } from './plain-text.ts'
import { createTerminal } from './terminal.ts'

const mainFile = fileURLToPath(import.meta.url)
const packageRoot = findPackageRoot(dirname(mainFile))
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string
}
const { stdin, stdout, stderr } = process
const env: Environment = process.env

// A reader that has seen enough (`skein models | head`) is no failure.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})
stderr.on('error', () => undefined)

// libp2p may reject where nobody listens any more; that must not take a node down.
process.on('unhandledRejection', (reason) => {
  stderr.write(
    `skein: ignored: ${plainLine(reason instanceof Error ? reason.message : String(reason))}\n`,
  )
})

const args = process.argv.slice(2)
// Needs none of the modules below, most of whose cost is loading them.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  stdout.write(`${version}\n`, () => process.exit(EXIT.ok))
} else {
  // Compiled modules are kept in a directory of the user's own: the system's temporary one is open to others.
  module.enableCompileCache(join(cacheHome(env), 'compiled'))
  await run()
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
    createTerminal: (json) =>
      createTerminal({
        stdout,
        stderr,
        stdinIsTty: stdin.isTTY === true,
        json,
        color: env.NO_COLOR === undefined || env.NO_COLOR === '',
      }),
    onExit(listener) {
      process.on('exit', listener)
      return () => process.off('exit', listener)
    },
  })
  // Whatever a library still holds open does not hold up the command; what was written goes out first.
  stdout.write('', () => process.exit(exitCode))
}

/** From `cli/main.ts` in a clone and from `dist/cli/main.js` alike. */
function findPackageRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw new Error('the package is incomplete: no package.json')
  }
}
