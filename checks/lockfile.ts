/** `npm ci` verifies a download against the hash in the lock file; an entry without one is installed unverified. */
import { readFileSync } from 'node:fs'
import type { Findings } from './check.ts'

interface LockEntry {
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
}

interface Lockfile {
  readonly packages: Readonly<Record<string, LockEntry>>
}

/** Entries whose hash could not be obtained, by their key in the lock file, with the reason. */
type UnhashedEntries = Readonly<Record<string, string>>

const NOT_PUBLISHED = 'the registry did not have this version when the lock file was made'

/** Prebuilt llama.cpp for other systems: optional, and never downloaded on Linux x64 or arm64. */
const UNHASHED: UnhashedEntries = {
  'node_modules/@node-llama-cpp/linux-riscv64': NOT_PUBLISHED,
  'node_modules/@node-llama-cpp/mac-arm64-metal': NOT_PUBLISHED,
  'node_modules/@node-llama-cpp/mac-x64': NOT_PUBLISHED,
  'node_modules/@node-llama-cpp/win-arm64': NOT_PUBLISHED,
  'node_modules/@node-llama-cpp/win-x64': NOT_PUBLISHED,
}

const HOW_TO_COMPLETE =
  'delete the entry from package-lock.json and run `npm install --package-lock-only`, ' +
  'or add the output of `npm view NAME@VERSION dist.integrity` by hand'

/** @returns one line for each entry that breaks a rule; empty if the lock file is sound */
export function lockfileFaults(lock: Lockfile, unhashed: UnhashedEntries): string[] {
  const faults: string[] = []
  for (const [key, entry] of Object.entries(lock.packages)) {
    if (key === '' || entry.link === true) continue
    if (entry.integrity === undefined) {
      if (!(key in unhashed)) faults.push(`${key}: no integrity hash; ${HOW_TO_COMPLETE}`)
    } else if (!entry.integrity.startsWith('sha512-')) {
      faults.push(`${key}: integrity is not sha512; ${HOW_TO_COMPLETE}`)
    }
    if (entry.resolved !== undefined) {
      faults.push(
        `${key}: names a registry; .npmrc omits it, so reinstall with the repository's own`,
      )
    }
  }
  for (const key of Object.keys(unhashed)) {
    const entry = lock.packages[key]
    if (entry === undefined) faults.push(`${key}: listed as unhashed, but not in the lock file`)
    else if (entry.integrity !== undefined) faults.push(`${key}: has a hash; delete its exception`)
  }
  return faults
}

/** @throws SyntaxError if a lock file is not JSON */
export function checkLockfile(): Findings {
  const own = read('package-lock.json')
  const tools = read('checks/tools/package-lock.json')
  const unhashed = Object.keys(UNHASHED).length
  return {
    faults: [...lockfileFaults(own, UNHASHED), ...lockfileFaults(tools, {})],
    summary: `${entriesOf(own)} entries, ${unhashed} of them listed as unhashed, and ${entriesOf(tools)} of the checks' tools`,
  }
}

function read(path: string): Lockfile {
  return JSON.parse(readFileSync(path, 'utf8')) as Lockfile
}

/** Without the package itself. */
function entriesOf({ packages }: Lockfile): number {
  return Object.keys(packages).length - 1
}
