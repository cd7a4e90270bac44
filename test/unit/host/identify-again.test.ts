import { type Connection, TypedEventEmitter } from '@libp2p/interface'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type IdentifyAgainInit, identifyAgain } from '../../../host/identify-again.ts'
import { VirtualClock } from '../../../testing/index.ts'

describe('a peer that was not identified when its connection opened', () => {
  const connection = {} as Connection
  const events = new TypedEventEmitter()
  let clock: VirtualClock
  let stopping: AbortController
  let asked: number
  /** Attempts that fail. */
  let failures: number

  const emit = (type: string, detail: unknown): void => {
    events.dispatchEvent(new CustomEvent(type, { detail }))
  }

  beforeEach(() => {
    clock = new VirtualClock()
    stopping = new AbortController()
    asked = 0
    failures = Number.POSITIVE_INFINITY
    identifyAgain({
      libp2p: events as unknown as IdentifyAgainInit['libp2p'],
      identify: async () => {
        asked += 1
        if (asked <= failures) throw new Error('too busy')
        emit('peer:identify', { connection })
      },
      ...{ clock, random: () => 1, signal: stopping.signal, onError: () => {} },
    })
    emit('connection:open', connection)
  })
  afterEach(() => stopping.abort())

  it('is asked again until it answers', async () => {
    failures = 2
    await clock.advance(5_000)
    expect(asked).toBe(0)
    await clock.advance(60_000)
    expect(asked).toBe(3)
    expect(clock.planned).toBe(0)
  })

  it('is asked a bounded number of times', async () => {
    await clock.advance(3_600_000)
    expect(asked).toBe(6)
    expect(clock.planned).toBe(0)
  })

  it.each([
    ['was identified', () => emit('peer:identify', { connection })],
    ['is gone', () => emit('connection:close', connection)],
    ['belongs to a host that has stopped', () => stopping.abort()],
  ])('is not asked once it %s', async (_, happen) => {
    happen()
    await clock.advance(3_600_000)
    expect(asked).toBe(0)
    expect(clock.planned).toBe(0)
  })
})
