import { expect, it } from 'vitest'
import { waitUntilJoined } from '../../../host/join.ts'
import { Handshakes } from '../../../host/network/index.ts'

function lonely() {
  const handshakes = new Handshakes()
  const listeners = new Set<() => void>()
  const table = {
    size: 0,
    addEventListener: (_: string, listener: () => void) => void listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => void listeners.delete(listener),
  }
  const init = {
    libp2p: { getPeers: () => [] },
    table: table as never,
    bootstrapPeers: () => [],
    mayFindPeers: () => true,
    handshakes,
    signal: new AbortController().signal,
  }
  const add = (): void => {
    table.size = 1
    for (const listener of listeners) listener()
  }
  return { init, handshakes, add, listeners }
}

it('waits on while a connection is being encrypted', async () => {
  const { init, handshakes, add, listeners } = lonely()
  const { promise: agreed, resolve: agree } = Promise.withResolvers<void>()
  const handshake = handshakes.during(() => agreed)
  const joined = waitUntilJoined(init, { timeoutMs: 1 })
  let isOver = false
  void joined.then(() => {
    isOver = true
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(isOver).toBe(false)
  add()
  expect(await joined).toEqual({ joined: true })
  expect(listeners.size).toBe(0)
  agree()
  await handshake
})

it('stops waiting once the last handshake has failed', async () => {
  const { init, handshakes } = lonely()
  const { promise: agreed, reject } = Promise.withResolvers<void>()
  const handshake = handshakes.during(() => agreed).catch(() => {})
  const joined = waitUntilJoined(init, { timeoutMs: 1 })
  reject(new Error('another swarm'))
  await handshake
  expect(await joined).toMatchObject({ joined: false })
  expect(handshakes.areOpen).toBe(false)
})
