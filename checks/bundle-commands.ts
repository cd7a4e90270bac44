/**
 * Bundles the commands of `skein` for the package, with the packages that they use: a start reads some twenty files
 * instead of a thousand modules, in a quarter of the time, and a process at rest takes a tenth less memory. The
 * library's doors stay modules, so that their users share packages with them.
 *
 *   node checks/bundle-commands.ts
 */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const repository = fileURLToPath(new URL('..', import.meta.url))
const destination = `${repository}dist/cli`

rmSync(destination, { recursive: true, force: true })
await build({
  cwd: repository,
  // Children of the embedded engine are found beside the file that starts them: all files are in one folder.
  input: {
    main: 'cli/main.ts',
    'engine-child': 'backend/embedded/engine-child.ts',
    'grammar-child': 'backend/embedded/grammar-child.ts',
  },
  platform: 'node',
  // The oldest Node that package.json names has no `using`.
  transform: { target: 'node22.18' },
  // Native packages, and those that a user adds.
  external: [
    'classic-level',
    'node-datachannel',
    /^node-llama-cpp/,
    'node-datachannel',
    /^@opentelemetry\/(?!api)/,
  ],
  treeshake: {
    // A module of ours is imported for what it exports, except those that run a process: a command loads only what it uses.
    moduleSideEffects: (id) =>
      id.includes('/node_modules/') ? undefined : /\/(cli|embedded)\//.test(id),
  },
  plugins: [
    {
      name: 'short-lists',
      // 600 KB that every process would keep twice, for one look-up in each refresh of a routing table.
      transform: {
        filter: { id: /kad-dht.*generated-prefix-list\.js$/ },
        handler: (code) => shortList(code),
      },
    },
  ],
  output: {
    dir: destination,
    format: 'esm',
    // Names stay as they are, for stack traces.
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    comments: false,
  },
  logLevel: 'warn',
})
for (const file of globSync(`${destination}/*.js`)) {
  const source = readFileSync(file, 'utf8')
  if (/\busing [\w$]+=/.test(source))
    throw new Error(`${file}: \`using\`, which Node 22 does not know`)
  writeFileSync(file, ascii(source, file))
}

/** The same list of natural numbers, as text that is a third of the length and becomes one block of memory. */
function shortList(code: string): string {
  const numbers = code.match(/\d+/g) ?? []
  if (numbers.length < 1_000) throw new Error('kad-dht has another list of prefixes')
  const text = numbers.map((number) => Number(number).toString(36)).join(' ')
  return `export default Uint32Array.from('${text}'.split(' '), (number) => Number.parseInt(number, 36))`
}

/** V8 keeps a source with any character beyond Latin-1 at two bytes each, for as long as the process runs. */
function ascii(source: string, file: string): string {
  if (/\\[^\0-\x7f]/.test(source)) throw new Error(`${file}: a backslash before a character`)
  return source.replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
