import { access } from 'node:fs/promises'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { LevelDatastore } from 'datastore-level'
import { writeAtomic } from '../storage/index.ts'
import { systemClock } from '../timing/index.ts'
import { checkUnlocked, lockDataDir } from './data-dir-lock.ts'
import { dataPaths } from './data-paths.ts'
import { createIdentity, loadIdentity } from './identity.ts'
import { LastingDatastore, reportedSaving } from './lasting-datastore.ts'

export interface UnsavedInit {
  /** Why nothing can be written, without a path. */
  readonly reason: string
  /** Called with messages for the operator. */
  readonly onFault: (message: string) => void
}

export interface UnsavedState {
  readonly privateKey: PrivateKey
  readonly datastore: LastingDatastore
  close(): Promise<void>
}

/**
 * The state of a host whose data directory cannot be written now: in memory, with the stored identity if there is one.
 * The directory is tried again every few seconds; once it can be written, it is locked, and identity and records are
 * saved.
 *
 * @throws DataDirLockedError while another process uses the directory; InferenceError `internal` for an identity that
 *   cannot be read
 */
export async function openUnsaved(dataDir: string, init: UnsavedInit): Promise<UnsavedState> {
  const { reason, onFault } = init
  await checkUnlocked(dataDir)
  const paths = dataPaths(dataDir)
  const isKnown = await exists(paths.identity)
  const privateKey = isKnown ? await loadIdentity(paths.identity) : await createIdentity()
  const who = isKnown ? '' : ' Until then this peer has a new identity.'
  onFault(
    `cannot write to ${dataDir}: ${reason}. Requests continue; what is learned of peers stays in memory until it can be saved.${who}`,
  )
  let unlock: (() => Promise<void>) | undefined
  const level = new LevelDatastore(paths.datastore)
  const openLevel = level.open.bind(level)
  level.open = async () => {
    unlock ??= await lockDataDir(dataDir)
    // An identity that another process saved meanwhile stays.
    if (!(await exists(paths.identity))) {
      await writeAtomic(paths.identity, privateKeyToProtobuf(privateKey))
    }
    await openLevel()
  }
  const datastore = new LastingDatastore({
    disk: level,
    opened: false,
    clock: systemClock,
    onFault: reportedSaving(dataDir, onFault),
  })
  return {
    privateKey,
    datastore,
    close: async () => {
      await datastore.close()
      await unlock?.()
    },
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
