import { join } from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import { type BaseDatastore, MemoryDatastore } from 'datastore-core'
import { DataDirLockedError, lockDataDir } from './data-dir-lock.ts'
import type { HostInit } from './host.ts'
import { createIdentity, loadIdentity } from './identity.ts'
import { openDatastore } from './open-datastore.ts'

/** The opened state of a host. */
export interface Persistence {
  readonly privateKey: PrivateKey
  readonly datastore: BaseDatastore
  /** Known advertisements. Absent without a data directory. */
  readonly advertisementsPath?: string
  /** Peers to start from. Absent without a data directory. */
  readonly entryPointsPath?: string
  /** Ports picked before. Absent without a data directory, or when it is another process's. */
  readonly portsPath?: string
  /** Whether this host may write to the files. */
  readonly writable: boolean
  close(): Promise<void>
}

/**
 * Opens the data directory, or in-memory state without one.
 *
 * @throws DataDirLockedError while another process uses it, unless `whenLocked` is `ephemeral`.
 */
export async function openPersistence(
  init: Pick<HostInit, 'dataDir' | 'onFault' | 'whenLocked'>,
): Promise<Persistence> {
  const { dataDir } = init
  if (dataDir === undefined) return await ephemeral(undefined)
  try {
    return await persistent(dataDir, init.onFault ?? (() => {}))
  } catch (error) {
    if (error instanceof DataDirLockedError && init.whenLocked === 'ephemeral') {
      return await ephemeral(dataDir)
    }
    throw error
  }
}

const advertisementsIn = (dataDir: string): string => join(dataDir, 'advertisements')

const entryPointsIn = (dataDir: string): string => join(dataDir, 'entry-points.json')

/** @param readDir data directory of another process, to read from */
async function ephemeral(readDir: string | undefined): Promise<Persistence> {
  return {
    privateKey: await createIdentity(),
    datastore: new MemoryDatastore(),
    ...(readDir !== undefined && {
      advertisementsPath: advertisementsIn(readDir),
      entryPointsPath: entryPointsIn(readDir),
    }),
    writable: false,
    close: async () => {},
  }
}

async function persistent(
  dataDir: string,
  onFault: (message: string) => void,
): Promise<Persistence> {
  const unlock = await lockDataDir(dataDir, onFault)
  try {
    const privateKey = await loadIdentity(join(dataDir, 'identity.key'), onFault)
    const datastore = await openDatastore(join(dataDir, 'datastore'), onFault)
    return {
      privateKey,
      datastore,
      advertisementsPath: advertisementsIn(dataDir),
      entryPointsPath: entryPointsIn(dataDir),
      portsPath: join(dataDir, 'ports.json'),
      writable: true,
      close: async () => {
        await datastore.close()
        await unlock()
      },
    }
  } catch (error) {
    await unlock()
    throw error
  }
}
