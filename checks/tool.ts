/**
 * Runs a checker of `checks/tools`, a package of its own, so that those who only run or test Skein do not install 228 MB
 * of linters. It is installed when a checker first runs, and again when its lock file changes.
 *
 * Usage: `node checks/tool.ts NAME [ARGUMENT...]`, from the root.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TOOLS = fileURLToPath(new URL('./tools/', import.meta.url))
const LOCK = join(TOOLS, 'package-lock.json')
/** Copy of the lock file that was last installed. */
const INSTALLED = join(TOOLS, 'node_modules', '.installed-lock.json')

interface Manifest {
  readonly name: string
  readonly bin?: string | Readonly<Record<string, string>>
}

function install(): void {
  const lock = readFileSync(LOCK)
  try {
    if (readFileSync(INSTALLED).equals(lock)) return
  } catch {
    // Not installed yet.
  }
  // By a shell: npm is a script on Windows.
  execFileSync('npm ci', { cwd: TOOLS, stdio: 'inherit', shell: true })
  writeFileSync(INSTALLED, lock)
}

/** Path of the script behind a command. */
function scriptOf(command: string): string {
  const require = createRequire(join(TOOLS, 'package.json'))
  for (const path of globSync('node_modules/{*,@*/*}/package.json', { cwd: TOOLS })) {
    const manifest = join(TOOLS, path)
    const { name, bin } = require(manifest) as Manifest
    const scripts = typeof bin === 'string' ? { [name]: bin } : bin
    const script = scripts?.[command]
    if (script !== undefined) return join(dirname(manifest), script)
  }
  throw new Error(`checks/tools has no command '${command}'`)
}

const [command = '', ...args] = process.argv.slice(2)
install()
const { status } = spawnSync(process.execPath, [scriptOf(command), ...args], { stdio: 'inherit' })
process.exitCode = status ?? 1
