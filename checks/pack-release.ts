/**
 * Makes the tarball that is published: with its dependencies, at the versions of the lock file, and without what nothing
 * reads at run time. Installing it takes half the room that installing each package takes.
 *
 *   node checks/pack-release.ts [DIRECTORY]
 *
 * Prints the tarball's path. Needs `npm ci` before, and the npm registry.
 */
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Paths in the packages that are bundled, and why nothing reads them. */
const UNREAD: readonly (readonly [path: string, why: string])[] = [
  ['**/*.map', 'maps to sources, for debugging the packages'],
  ['**/src/**/!(*.d).{ts,mts,cts}', 'sources that the maps point to'],
  ['**/dist/index.min.js', 'builds for pages'],
  ['@types/node/**/!(*.d).ts', 'nothing of it runs'],
  ['classic-level/deps', 'sources of LevelDB; the builds are in `prebuilds`'],
  ['classic-level/prebuilds/android-*', 'Node does not run there'],
]

const repository = fileURLToPath(new URL('..', import.meta.url))
const destination = resolve(process.argv[2] ?? '.')
const scratch = mkdtempSync(join(tmpdir(), 'skein-pack-'))
const npm = (args: readonly string[], cwd: string): string =>
  execFileSync('npm', [...args], {
    ...{ cwd, encoding: 'utf8', maxBuffer: 1e8 },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
try {
  npm(['pack', '--silent', '--pack-destination', scratch], repository)
  const [plain = ''] = globSync('skein-*.tgz', { cwd: scratch })
  execFileSync('tar', ['-xzf', plain], { cwd: scratch })
  const folder = join(scratch, 'package')
  const path = join(folder, 'package.json')
  const described = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
    readonly scripts?: unknown
  }
  copyFileSync(join(repository, 'package-lock.json'), join(folder, 'package-lock.json'))
  npm(
    ['ci', '--silent', '--ignore-scripts', '--omit=dev', '--omit=optional', '--omit=peer'],
    folder,
  )
  rmSync(join(folder, 'package-lock.json'))
  const modules = join(folder, 'node_modules')
  for (const [pattern] of UNREAD) {
    for (const found of globSync(pattern, { cwd: modules })) {
      rmSync(join(modules, found), { recursive: true, force: true })
    }
  }
  const { scripts: _, ...kept } = described
  const bundleDependencies = Object.keys(described.dependencies)
  writeFileSync(path, `${JSON.stringify({ ...kept, bundleDependencies }, null, 2)}\n`)
  mkdirSync(destination, { recursive: true })
  const name = npm(
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', destination],
    folder,
  )
  console.log(join(destination, name.trim()))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
