import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DEFAULT_BOOTSTRAP,
  type HostInit,
  MAX_BOOTSTRAP_LIST_BYTES,
  openBootstrapList,
} from '../host/index.ts'
import { makeDirectory, writeAtomic } from '../storage/index.ts'
import { bootstrapSource, isList, signerOf } from './bootstrap-source.ts'
import { boundedText } from './bounded-text.ts'
import { recallBootstrap } from './remembered-bootstrap.ts'
import type { Session } from './runtime.ts'
import { UsageError } from './usage-error.ts'

const FETCH_TIMEOUT_MS = 10_000
/** Of a file without a signature. */
const MAX_FILE_BYTES = 65_536

/**
 * Resolves the named sources to addresses and reads lists. If nothing was named, or no list could be read, uses the
 * bootstrap peers that answered the last time, and in the public swarm those compiled in.
 *
 * @throws UsageError if a file cannot be read or contains no address
 */
export async function withBootstrap<
  T extends Pick<HostInit, 'bootstrap' | 'membership' | 'swarmKey'>,
>(
  { terminal, signal }: Pick<Session, 'terminal' | 'signal'>,
  init: T,
  dataDir: string,
): Promise<T> {
  const named: string[] = []
  for (const source of init.bootstrap ?? []) {
    if (!isList(source)) named.push(source)
    else if (source.startsWith('@')) named.push(...(await readList(source.slice(1))))
    else {
      const found = await fetchList(source, dataDir, signal).catch((error: unknown) => {
        terminal.log(`${source}: ${error instanceof Error ? error.message : String(error)}`, {
          level: 'warn',
        })
        return []
      })
      named.push(...found)
    }
  }
  if (named.length > 0) return { ...init, bootstrap: [...new Set(named)] }
  const recalled = await recallBootstrap(dataDir, terminal)
  if (recalled.length > 0) return { ...init, bootstrap: recalled }
  const isPublic = init.swarmKey === undefined && init.membership === undefined
  return { ...init, bootstrap: isPublic ? DEFAULT_BOOTSTRAP : [] }
}

/** A file of addresses, one a line; `#` begins a comment. */
async function readList(path: string): Promise<string[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--bootstrap: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (text.length > MAX_FILE_BYTES) throw new UsageError(`--bootstrap: ${path} is too long`)
  const lines = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
  if (lines.length === 0) throw new UsageError(`--bootstrap: ${path} contains no address`)
  return lines.map((line) => {
    try {
      if (isList(line)) throw new Error('a list cannot name other lists')
      return bootstrapSource(line)
    } catch (error) {
      throw new UsageError(
        `--bootstrap: ${path}: ${line}: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  })
}

/** The list at a URL, or its cached copy if the server does not answer or serves an older list. */
async function fetchList(
  source: string,
  dataDir: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const name = createHash('sha256').update(source).digest('hex').slice(0, 16)
  const path = join(dataDir, `bootstrap-list-${name}.txt`)
  const open = (text: string) => openBootstrapList(text, signerOf(source), Date.now())
  const kept = await readFile(path, 'utf8')
    .then(open)
    .catch(() => undefined)
  try {
    const text = await download(source, signal)
    const fresh = await open(text)
    if (kept !== undefined && kept.issuedAtMs > fresh.issuedAtMs) return kept.addresses
    await makeDirectory(dataDir)
    await writeAtomic(path, text)
    return fresh.addresses
  } catch (error) {
    if (kept !== undefined) return kept.addresses
    throw error
  }
}

async function download(source: string, signal: AbortSignal): Promise<string> {
  const url = source.replace(/#.*/, '')
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]),
  })
  if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`)
  return await boundedText(response, {
    maxBytes: MAX_BOOTSTRAP_LIST_BYTES,
    tooLong: 'the list is too long',
  })
}
