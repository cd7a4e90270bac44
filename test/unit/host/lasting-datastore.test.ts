import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { describe, expect, it } from 'vitest'
import { type DiskDatastore, LastingDatastore } from '../../../host/lasting-datastore.ts'
import { VirtualClock } from '../../../testing/index.ts'

const KEY = new Key('/peers/a')
const OTHER = new Key('/peers/b')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A disk that refuses writes while it is full, as LevelDB words it. */
class SmallDisk extends MemoryDatastore implements DiskDatastore {
  full: boolean = false
  opened = 0

  override put(key: Key, value: Uint8Array): Key {
    this.#refuse()
    return super.put(key, value) as Key
  }

  override delete(key: Key): Promise<void> | void {
    this.#refuse()
    return super.delete(key)
  }

  async open(): Promise<void> {
    this.#refuse()
    this.opened += 1
  }

  async close(): Promise<void> {}

  #refuse(): void {
    if (this.full) throw new Error('Error: IO error: /d/000003.log: No space left on device')
  }
}

function storeOn(disk: SmallDisk, opened = true) {
  const clock = new VirtualClock()
  const faults: string[] = []
  const onFault = (fault: { code: string } | undefined): void => {
    faults.push(fault?.code ?? 'well')
  }
  return { clock, faults, store: new LastingDatastore({ disk, opened, clock, onFault }) }
}

describe('a datastore whose disk is full', () => {
  it('continues in memory, and is saved once there is room', async () => {
    const disk = new SmallDisk()
    const { clock, faults, store } = storeOn(disk)
    await store.put(KEY, bytes('old'))
    await store.put(OTHER, bytes('gone'))
    disk.full = true
    await store.put(KEY, bytes('new'))
    await store.delete(OTHER)
    expect(await store.get(KEY)).toEqual(bytes('new'))
    expect(await store.has(OTHER)).toBe(false)
    await expect(store.get(OTHER)).rejects.toMatchObject({ name: 'NotFoundError' })
    const found: string[] = []
    for await (const { value } of store.query({ prefix: '/peers' })) {
      found.push(new TextDecoder().decode(value))
    }
    expect(found).toEqual(['new'])
    await clock.advance(10_000)
    expect(disk.opened).toBe(0)
    disk.full = false
    await clock.advance(10_000)
    expect(await disk.get(KEY)).toEqual(bytes('new'))
    expect(disk.has(OTHER)).toBe(false)
    expect(faults).toEqual(['ENOSPC', 'well'])
  })

  it('starts in memory if the disk cannot be opened', async () => {
    const disk = new SmallDisk()
    disk.full = true
    const { clock, store } = storeOn(disk, false)
    await store.put(KEY, bytes('kept'))
    expect(await store.get(KEY)).toEqual(bytes('kept'))
    disk.full = false
    await clock.advance(10_000)
    expect(await disk.get(KEY)).toEqual(bytes('kept'))
  })

  it('rethrows errors that are not disk faults', async () => {
    const { store } = storeOn(new SmallDisk())
    await expect(store.get(KEY)).rejects.toMatchObject({ name: 'NotFoundError' })
  })
})
