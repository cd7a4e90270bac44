import type { Connection } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { answers } from '../../../host/connection-check.ts'
import { VirtualClock } from '../../../testing/index.ts'

/** A connection whose muxer pings, without a way to open streams. */
function connectionWith(ping: () => Promise<unknown>): Connection {
  return { status: 'open', muxer: { ping } } as unknown as Connection
}

describe('a check of a connection', () => {
  it('is one ping of the muxer for all that ask meanwhile', async () => {
    let pings = 0
    const pong = Promise.withResolvers<void>()
    const connection = connectionWith(() => {
      pings += 1
      return pong.promise
    })
    const clock = new VirtualClock()
    const checks = [answers(connection, 3_000, clock), answers(connection, 3_000, clock)]
    pong.resolve()
    expect(await Promise.all(checks)).toEqual([true, true])
    expect(pings).toBe(1)
  })

  it('ends after the time for it, and takes a late answer for nothing', async () => {
    const pong = Promise.withResolvers<void>()
    const clock = new VirtualClock()
    const check = answers(
      connectionWith(() => pong.promise),
      3_000,
      clock,
    )
    await clock.advance(3_000)
    expect(await check).toBe(false)
    pong.resolve()
  })

  it('fails with the muxer', async () => {
    const connection = connectionWith(() => Promise.reject(new Error('closed')))
    expect(await answers(connection, 3_000, new VirtualClock())).toBe(false)
  })
})
