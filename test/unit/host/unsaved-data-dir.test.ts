import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { Key } from 'interface-datastore'
import { expect, it } from 'vitest'
import { lockDataDir } from '../../../host/data-dir-lock.ts'
import { openUnsaved } from '../../../host/unsaved-data-dir.ts'
import { createDataDir } from '../../integration/host-peers.ts'

const KEY = new Key('/a')
const VALUE = Uint8Array.of(1)

/** A place where no directory can be made until `clear` is called. */
async function blocked(): Promise<{ dataDir: string; clear: () => Promise<void> }> {
  const dataDir = join(await createDataDir(), 'data')
  await writeFile(dataDir, 'a file')
  return { dataDir, clear: () => rm(dataDir) }
}

it('keeps its state in memory, and saves identity and records once the directory can be made', async () => {
  const { dataDir, clear } = await blocked()
  const faults: string[] = []
  const onFault = (message: string): unknown => faults.push(message)
  const { privateKey, datastore, close } = await openUnsaved(dataDir, { reason: 'why', onFault })
  await datastore.put(KEY, VALUE)
  await datastore.save()
  expect(await datastore.get(KEY)).toEqual(VALUE)
  expect(faults).toHaveLength(1)
  expect(faults[0]).toContain(`${dataDir}: why.`)

  await clear()
  await datastore.save()
  expect(faults.at(-1)).toBe(`${dataDir} is saved again`)
  const saved = privateKeyFromProtobuf(await readFile(join(dataDir, 'identity.key')))
  expect(saved.equals(privateKey)).toBe(true)
  await expect(lockDataDir(dataDir)).rejects.toMatchObject({ name: 'DataDirLockedError' })
  await close()
  await (await lockDataDir(dataDir))()
})

it('leaves the directory alone while another process uses it', async () => {
  const { dataDir, clear } = await blocked()
  const { datastore, close } = await openUnsaved(dataDir, { reason: 'why', onFault: () => {} })
  await clear()
  const unlock = await lockDataDir(dataDir)
  await datastore.save()
  await expect(readFile(join(dataDir, 'identity.key'))).rejects.toMatchObject({ code: 'ENOENT' })
  const other = openUnsaved(dataDir, { reason: 'why', onFault: () => {} })
  await expect(other).rejects.toMatchObject({ name: 'DataDirLockedError' })
  await unlock()
  await close()
})

it('has the stored identity where there is one', async () => {
  const dataDir = await createDataDir()
  await mkdir(dataDir, { recursive: true })
  const open = () => openUnsaved(dataDir, { reason: 'why', onFault: () => {} })
  const first = await open()
  await first.datastore.save()
  await first.close()
  const second = await open()
  expect(second.privateKey.equals(first.privateKey)).toBe(true)
  await second.close()
})
