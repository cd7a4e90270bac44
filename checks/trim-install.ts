/**
 * Deletes what packages of the clone bring along and nothing here reads, 280 MB in all. Run by `prepare`,
 * after each installation; users of the package never run it.
 */
import { globSync, rmSync } from 'node:fs'

const { platform, arch } = process
/** Packages that declare their types for each module system; only `import` is used here. */
const TYPED_TWICE = '{langsmith,@langchain/*,@opentelemetry/*}'
/** The same, of a generator that calls the files for `import` `.mjs`. */
const GENERATED = '{openai,@anthropic-ai/sdk}'

/** Paths in node_modules, and why nothing reads them. */
const UNREAD: readonly (readonly [path: string, why: string])[] = [
  ['node/node_modules/node-*/include', 'headers, for building add-ons; all of ours are prebuilt'],
  ['node-llama-cpp/llama/gitRelease.bundle', 'sources of llama.cpp, for building it'],
  ['classic-level/deps', 'sources of LevelDB, for building it'],
  [`classic-level/prebuilds/!(${platform}-*${arch}*)`, 'for other machines'],
  ['**/*.map', 'maps to the sources of packages, for debugging them'],
  ['**/!(*.d).{ts,mts,cts}', 'the sources themselves; packages run from what is built of them'],
  ['**/!(LICEN*|NOTICE*|COPYING*).{md,mdx,markdown}', 'documents'],
  [`${TYPED_TWICE}/**/*.d.cts`, 'for `require`'],
  [`${GENERATED}/**/!(*.d).js`, 'for `require`'],
  [`${GENERATED}/**/*.d.ts`, 'for `require`'],
  ['js-tiktoken/dist/{ranks,index.js,index.cjs}', 'token tables; @langchain/core imports `lite`'],
  ['**/typescript/lib/!(*.*)', 'translations of error messages'],
  ['playwright-core/lib/vite', 'pages that show recordings and reports'],
  ['bintrees/{test,examples}', 'tests of a package'],
  ...(arch === 'arm64'
    ? []
    : ([['@node-llama-cpp/*-arm64/bins', 'its package declares other CPUs, too']] as const)),
]

const modules = new URL('../node_modules/', import.meta.url)
for (const [pattern] of UNREAD) {
  for (const path of globSync(pattern, { cwd: modules })) {
    rmSync(new URL(path, modules), { recursive: true, force: true })
  }
}
