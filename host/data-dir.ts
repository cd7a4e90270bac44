import type { PrivateKey } from '@libp2p/interface'
import { type BaseDatastore, MemoryDatastore } from 'datastore-core'
import { diskFaultOf, type FaultCode } from '../storage/index.ts'
import { DataDirLockedError, lockDataDir } from './data-dir-lock.ts'
import { dataPaths } from './data-paths.ts'
import type { HostInit } from './host.ts'
import { createIdentity, loadIdentity } from './identity.ts'
import { openDatastore } from './open-datastore.ts'
import { openUnsaved } from './unsaved-data-dir.ts'

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

/** Faults with which a host starts all the same. A path that cannot be right is an error. */
const SURVIVED: ReadonlySet<FaultCode> = new Set([
  ...(['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM', 'EIO'] as const),
])

/**
 * Opens the data directory, or in-memory state without one. If the disk takes no more bytes, or is read-only, the state
 * stays in memory and is saved once that is possible.
 *
 * @throws DataDirLockedError while another process uses it, unless `whenLocked` is `ephemeral`; an error for a directory
 *   that cannot be made
 */
export async function openPersistence(
  init: Pick<HostInit, 'dataDir' | 'onFault' | 'whenLocked'>,
): Promise<Persistence> {
  const { dataDir, onFault = () => {} } = init
  if (dataDir === undefined) return await ephemeral(undefined)
  try {
    return await persistent(dataDir, onFault).catch(async (error: unknown) => {
      const fault = diskFaultOf(error)
      if (fault === undefined || !SURVIVED.has(fault.code)) throw error
      return await unsaved(dataDir, fault.reason, onFault)
    })
  } catch (error) {
    if (error instanceof DataDirLockedError && init.whenLocked === 'ephemeral') {
      return await ephemeral(dataDir)
    }
    throw error
  }
}

/** @param readDir data directory of another process, to read from */
async function ephemeral(readDir: string | undefined): Promise<Persistence> {
  return {
    privateKey: await createIdentity(),
    datastore: new MemoryDatastore(),
    ...(readDir !== undefined && readable(readDir)),
    writable: false,
    close: async () => {},
  }
}

async function persistent(
  dataDir: string,
  onFault: (message: string) => void,
): Promise<Persistence> {
  const unlock = await lockDataDir(dataDir)
  const paths = dataPaths(dataDir)
  try {
    const privateKey = await loadIdentity(paths.identity)
    const datastore = await openDatastore(paths.datastore, onFault)
    return {
      privateKey,
      datastore,
      ...readable(dataDir),
      portsPath: paths.ports,
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

/** The same without a disk to write to, for now. */
async function unsaved(
  dataDir: string,
  reason: string,
  onFault: (message: string) => void,
): Promise<Persistence> {
  const { privateKey, datastore, close } = await openUnsaved(dataDir, { reason, onFault })
  // The files are written like always: a write that fails is reported, and the next one may succeed.
  return {
    ...{ privateKey, datastore, close, writable: true, portsPath: dataPaths(dataDir).ports },
    ...readable(dataDir),
  }
}

function readable(dataDir: string): Pick<Persistence, 'advertisementsPath' | 'entryPointsPath'> {
  const { advertisements, entryPoints } = dataPaths(dataDir)
  return { advertisementsPath: advertisements, entryPointsPath: entryPoints }
}
