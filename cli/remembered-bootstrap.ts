import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { Host } from '../host/index.ts'
import { diskFaultOf, makeDirectory, readStored, writeAtomic } from '../storage/index.ts'

const FILE_NAME = 'bootstrap.json'
const MAX_REMEMBERED = 16

/**
 * Bootstrap peers that answered when last named, for starts without --bootstrap.
 *
 * @param onFault receives a message for the operator if the file is damaged
 */
export async function recallBootstrap(
  dataDir: string,
  onFault: (message: string) => void,
): Promise<readonly string[]> {
  const consequence = 'name a peer with --bootstrap once'
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

/**
 * Stores the bootstrap peers that are connected now. Without any, the stored ones stay.
 *
 * @param onFault receives a message for the operator if the file is damaged or cannot be written
 */
export async function rememberBootstrap(
  dataDir: string,
  host: Pick<Host, 'bootstrapPeers'>,
  onFault: (message: string) => void,
): Promise<void> {
  const connected = host
    .bootstrapPeers()
    .filter(({ status }) => status === 'connected')
    .map(({ address }) => address)
    .slice(0, MAX_REMEMBERED)
  if (connected.length === 0) return
  const known = await recallBootstrap(dataDir, onFault)
  if (connected.join() === known.join()) return
  try {
    await makeDirectory(dataDir)
    // Several clients may share a directory: the last one wins.
    await writeAtomic(join(dataDir, FILE_NAME), JSON.stringify(connected))
  } catch (error) {
    onFault(`cannot remember bootstrap peers: ${diskFaultOf(error)?.reason ?? String(error)}`)
  }
}
