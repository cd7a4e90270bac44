import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { Host } from '../host/index.ts'
import { diskFaultOf, makeDirectory, writeAtomic } from '../storage/index.ts'
import type { Terminal } from './terminal.ts'

const FILE_NAME = 'bootstrap.json'
const MAX_REMEMBERED = 16

/** Bootstrap peers that answered when last named, for starts without --bootstrap. */
export async function recallBootstrap(dataDir: string): Promise<readonly string[]> {
  try {
    const stored: unknown = JSON.parse(await readFile(join(dataDir, FILE_NAME), 'utf8'))
    if (!Array.isArray(stored)) return []
    return stored
      .slice(0, MAX_REMEMBERED)
      .map((address: unknown) => multiaddr(String(address)).toString())
  } catch {
    return []
  }
}

/** Stores the bootstrap peers that are connected now. Without any, the stored ones stay. Never rejects. */
export async function rememberBootstrap(
  dataDir: string,
  host: Pick<Host, 'bootstrapPeers'>,
  terminal: Pick<Terminal, 'log'>,
): Promise<void> {
  try {
    await store(dataDir, host)
  } catch (error) {
    // The host has reported a disk that takes no more bytes.
    if (diskFaultOf(error) !== undefined) return
    terminal.log(`cannot remember bootstrap peers: ${String(error)}`)
  }
}

async function store(dataDir: string, host: Pick<Host, 'bootstrapPeers'>): Promise<void> {
  const connected = host
    .bootstrapPeers()
    .filter(({ status }) => status === 'connected')
    .map(({ address }) => address)
    .slice(0, MAX_REMEMBERED)
  if (connected.length === 0) return
  const known = await recallBootstrap(dataDir)
  if (connected.join() === known.join()) return
  await makeDirectory(dataDir)
  const path = join(dataDir, FILE_NAME)
  await writeAtomic(path, JSON.stringify(connected))
}
