import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { Host } from '../host/index.ts'
import { diskFaultOf, makeDirectory, readStored, writeStored } from '../storage/index.ts'
import type { Terminal } from './terminal.ts'

const FILE_NAME = 'bootstrap.json'
const MAX_REMEMBERED = 16

/** Bootstrap peers that answered when last named, for starts without --bootstrap. The log gets a word about a damaged file. */
export async function recallBootstrap(
  dataDir: string,
  terminal: Pick<Terminal, 'log'>,
): Promise<readonly string[]> {
  const consequence = 'name a peer with --bootstrap once'
  const onFault = (message: string): void => terminal.log(message, { level: 'warn' })
  const path = join(dataDir, FILE_NAME)
  return (await readStored(path, { parse: parsed, consequence, onFault })) ?? []
}

function parsed(text: string): readonly string[] | undefined {
  const stored: unknown = JSON.parse(text)
  if (!Array.isArray(stored)) return undefined
  return stored
    .slice(0, MAX_REMEMBERED)
    .map((address: unknown) => multiaddr(String(address)).toString())
}

/** Stores the bootstrap peers that are connected now. Without any, the stored ones stay. Never rejects. */
export async function rememberBootstrap(
  dataDir: string,
  host: Pick<Host, 'bootstrapPeers'>,
  terminal: Pick<Terminal, 'log'>,
): Promise<void> {
  try {
    await store(dataDir, host, terminal)
  } catch (error) {
    // The host has reported a disk that takes no more bytes.
    if (diskFaultOf(error) !== undefined) return
    terminal.log(`cannot remember bootstrap peers: ${String(error)}`, { level: 'warn' })
  }
}

async function store(
  dataDir: string,
  host: Pick<Host, 'bootstrapPeers'>,
  terminal: Pick<Terminal, 'log'>,
): Promise<void> {
  const connected = host
    .bootstrapPeers()
    .filter(({ status }) => status === 'connected')
    .map(({ address }) => address)
    .slice(0, MAX_REMEMBERED)
  if (connected.length === 0) return
  const known = await recallBootstrap(dataDir, terminal)
  if (connected.join() === known.join()) return
  await makeDirectory(dataDir)
  await writeStored(join(dataDir, FILE_NAME), JSON.stringify(connected))
}
