import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeDirectory } from '../storage/index.ts'
import { cacheHome } from './directories.ts'
import { EXIT } from './exit-codes.ts'
import { endUnwritten } from './unwritten.ts'

// The script that starts this CLI anew: it checks the version of Node first.
const mainFile = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url),
)
const packageRoot = findPackageRoot(dirname(mainFile))
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  version: string
}
const args = process.argv.slice(2)

// Answered before the modules below are loaded, which takes most of the start.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.on('error', unwritten)
  process.stdout.write(`${version}\n`, (error) => {
    if (error) unwritten(error)
    else process.exit(EXIT.ok)
  })
} else {
  // The compile cache is in a directory of the user's own: other users can write to the system's temporary one.
  await cacheCompiled()
  const { runProcess } = await import('./process.ts')
  await runProcess({ args, mainFile, packageRoot, version })
}

function unwritten(error: NodeJS.ErrnoException): void {
  endUnwritten(error, (line, done) => process.stderr.write(`${line}\n`, done))
}

/** Node would make the directory itself, with the recursive mkdir that may never return. */
async function cacheCompiled(): Promise<void> {
  try {
    const directory = join(cacheHome(process.env), 'compiled')
    await makeDirectory(directory)
    module.enableCompileCache(directory)
  } catch {
    // It saves time and nothing else.
  }
}

/** From `cli/start.ts` in a clone and from `dist/cli/start.js` alike. */
function findPackageRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw new Error('the package is incomplete: no package.json')
  }
}
