import { describe, expect, it } from 'vitest'
import { createClient } from '../../client/index.ts'
import type { Host } from '../../host/index.ts'
import { addressesOf, advertise, createDataDir, startHost, track, untilBook } from './host-peers.ts'

/** A bootstrap peer that knows a node, whose advertisement is in force for ten minutes more, and that node. */
async function startPair(): Promise<{ boot: Host; node: Host }> {
  const boot = await startHost()
  const node = await startHost({ bootstrap: addressesOf(boot) })
  await advertise(node)
  await boot.connect(addressesOf(node)[0] ?? '')
  await boot.fetchAdvertisement(node.peerId)
  return { boot, node }
}

describe('a fresh client', () => {
  it('does not believe an advertisement on its disk without a sign of life', async () => {
    const { boot, node } = await startPair()
    const init = { bootstrap: addressesOf(boot), dataDir: await createDataDir() }
    const before = await createClient(init)
    await untilBook(before.host, (host) => host.book.get(node.peerId) !== undefined)
    expect((await before.models()).map(({ id }) => id)).toEqual(['skein-tiny'])
    await before.close()
    await node[Symbol.asyncDispose]()

    const fresh = track(await createClient(init))
    expect(fresh.host.book.get(node.peerId)?.models).toHaveLength(1)
    expect(await fresh.models().catch(() => [])).toEqual([])
  })

  it('does not believe what others pass on of a peer that is gone', async () => {
    const { boot, node } = await startPair()
    await node[Symbol.asyncDispose]()
    const fresh = track(await createClient({ bootstrap: addressesOf(boot) }))
    await untilBook(fresh.host, (host) => host.book.get(node.peerId) !== undefined)
    expect(await fresh.models().catch(() => [])).toEqual([])
  })
})
