import type { Libp2p } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { untilOnline } from '../../../client/pipeline/until-online.ts'
import { VirtualClock } from '../../../testing/index.ts'

function offline() {
  const clock = new VirtualClock()
  const libp2p = Object.assign(new EventTarget(), { getPeers: () => [] }) as unknown as Libp2p
  let isOver = false
  const wait = (signal?: AbortSignal): Promise<void> =>
    untilOnline(libp2p, clock, signal === undefined ? {} : { signal }).finally(() => {
      isOver = true
    })
  return { clock, libp2p, wait, isOver: () => isOver }
}

it('waits for a machine without a connection until a peer has said what it speaks', async () => {
  const { clock, libp2p, wait, isOver } = offline()
  const waiting = wait()
  await clock.advance(10_000)
  expect(isOver()).toBe(false)
  libp2p.dispatchEvent(new CustomEvent('peer:identify') as never)
  await waiting
})

it('gives up after 15 seconds', async () => {
  const { clock, wait, isOver } = offline()
  const waiting = wait()
  await clock.advance(15_000)
  await waiting
  expect(isOver()).toBe(true)
})

it('ends with the request', async () => {
  const { wait } = offline()
  const waiting = wait(AbortSignal.abort(new Error('cancelled')))
  await expect(waiting).rejects.toThrow('cancelled')
})
