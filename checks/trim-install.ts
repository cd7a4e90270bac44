/**
 * Deletes what packages of the clone bring along and nothing here reads, 210 MB in all. Run by `prepare`, after each
 * installation; users of the package never run it.
 */
import { globSync, rmSync } from 'node:fs'

/** Paths in node_modules, and why nothing reads them. */
const UNREAD: readonly (readonly [path: string, why: string])[] = [
  ['node/node_modules/node-*/include', 'headers, for building add-ons; all of ours are prebuilt'],
  ['node-llama-cpp/llama/gitRelease.bundle', 'sources of llama.cpp, for building it'],
  ['**/*.map', 'maps to the sources of packages, for debugging them'],
  ['js-tiktoken/dist/{ranks,index.js,index.cjs}', 'token tables; @langchain/core imports `lite`'],
  ...(process.arch === 'arm64'
    ? []
    : ([['@node-llama-cpp/*-arm64/bins', 'its package declares other CPUs, too']] as const)),
]

const modules = new URL('../node_modules/', import.meta.url)
for (const [pattern] of UNREAD) {
  for (const path of globSync(pattern, { cwd: modules })) {
    rmSync(new URL(path, modules), { recursive: true, force: true })
  }
}
