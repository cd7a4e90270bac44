import type { Connection, Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DIRECT_PATH, PATH_WATCH } from '../../../../host/direct-path/limits.ts'
import { watchPath } from '../../../../host/direct-path/watch-path.ts'
import { openEarly } from '../../../../host/early-streams.ts'
import { setIdle } from '../../../../host/inbound/index.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'

/** A connection whose peer answers pings, or is silent. */
class FakeConnection extends EventTarget {
  readonly remoteAddr: ReturnType<typeof multiaddr>
  readonly remotePeer: string = 'peer'
  readonly muxer: {
    onData: (data: Uint8Array) => void
    createStream: () => void
    ping: () => Promise<number>
  }
  status: string = 'open'
  isSilent: boolean = false
  reason: unknown
  streams: Stream[] = []
  pings: number = 0

  constructor(address: string) {
    super()
    this.remoteAddr = multiaddr(address)
    this.muxer = {
      onData: () => {},
      createStream: () => {},
      ping: () => {
        this.pings += 1
        return this.isSilent ? new Promise(() => {}) : Promise.resolve(1)
      },
    }
    openEarly(this.muxer as unknown as StreamMuxer)
  }

  abort(reason: unknown): void {
    this.status = 'aborted'
    this.reason = reason
    this.dispatchEvent(new Event('close'))
  }
}

const RELAY = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
const stream = (): Stream => ({ protocol: PROTOCOLS.keptInference }) as unknown as Stream
/** Until a path that has just gone silent is lost, the interval of looks included. */
const LOST_MS = PATH_WATCH.lookMs * 2 + PATH_WATCH.quietMs + 2 * PATH_WATCH.answerMs

describe('the watch over a direct path', () => {
  let clock: VirtualClock
  let path: FakeConnection
  let relayed: FakeConnection
  let link: { receivedBytes: number; unheardBytes: number }
  let proven: number
  let stopping: AbortController

  beforeEach(() => {
    clock = new VirtualClock()
    path = new FakeConnection('/ip4/44.0.0.9/udp/4000/webrtc')
    relayed = new FakeConnection(`/ip4/44.0.0.1/tcp/4801/p2p/${RELAY}/p2p-circuit`)
    link = { receivedBytes: 0, unheardBytes: 0 }
    proven = 0
    stopping = new AbortController()
    watchPath(path as unknown as Connection, {
      libp2p: { getConnections: () => [path, relayed] as unknown as Connection[] },
      ...{ clock, link },
      onProven: () => {
        proven += 1
      },
      signal: stopping.signal,
    })
  })
  afterEach(() => stopping.abort())

  it('aborts one over which nothing comes while the relayed connection answers, within seconds', async () => {
    expect(LOST_MS).toBeLessThanOrEqual(8_000)
    path.streams = [stream()]
    path.isSilent = true
    await clock.advance(LOST_MS)
    expect(path.reason).toMatchObject({ code: 'path_lost', traits: { blame: 'none' } })
    expect(relayed.status).toBe('open')
    expect(clock.planned).toBe(0)
  })

  it('notices it as well when the stream that waited was given up meanwhile', async () => {
    path.streams = [stream()]
    path.isSilent = true
    await clock.advance(PATH_WATCH.lookMs)
    path.streams = []
    await clock.advance(LOST_MS)
    expect(path.status).toBe('aborted')
  })

  it('keeps one whose peer is busy, answering over neither, and one without a relayed connection', async () => {
    path.streams = [stream()]
    path.isSilent = true
    relayed.isSilent = true
    await clock.advance(60_000)
    relayed.status = 'closed'
    relayed.isSilent = false
    await clock.advance(60_000)
    expect(path.status).toBe('open')
  })

  it('keeps one over which anything comes, though no ping is answered', async () => {
    path.streams = [stream()]
    path.isSilent = true
    for (let second = 0; second < 60; second += 2) {
      link.receivedBytes += 1
      await clock.advance(2_000)
    }
    expect(path.status).toBe('open')
  })

  it('keeps one over which a message comes in parts that take longer than a ping', async () => {
    path.streams = [stream()]
    path.isSilent = true
    for (let part = 0; part < 20; part += 1) {
      link.receivedBytes += DIRECT_PATH.sentMessageSize
      await clock.advance(4_000)
    }
    expect(path.status).toBe('open')
  })

  it('gives what was sent over a slow line the time to arrive, but not for ever', async () => {
    path.streams = [stream()]
    path.isSilent = true
    link.unheardBytes = 65_536
    await clock.advance(8_000)
    expect(path.pings).toBe(0)
    link.receivedBytes += 1
    link.unheardBytes = Number.MAX_SAFE_INTEGER
    await clock.advance(PATH_WATCH.maxDelayMs)
    expect(path.status).toBe('open')
    await clock.advance(LOST_MS)
    expect(path.reason).toMatchObject({ code: 'path_lost' })
  })

  it('asks over the relay only once the path has left a ping unanswered', async () => {
    path.streams = [stream()]
    await clock.advance(60_000)
    expect(path.pings).toBeGreaterThan(10)
    expect(relayed.pings).toBe(0)
  })

  it('asks nothing while only idle streams are open', async () => {
    const idle = stream()
    path.streams = [idle]
    setIdle(idle, 1)
    path.isSilent = true
    await clock.advance(DIRECT_PATH.provenMs - 1)
    expect(path.pings + relayed.pings).toBe(0)
    expect(path.status).toBe('open')
  })

  it('takes it for proven once it has carried an answer, and once it has lasted', async () => {
    await clock.advance(PATH_WATCH.lookMs)
    expect(proven).toBe(0)
    const used = stream()
    path.streams = [used]
    await clock.advance(PATH_WATCH.lookMs)
    expect(proven).toBe(0)
    setIdle(used, 1)
    setIdle(used, undefined)
    await clock.advance(PATH_WATCH.lookMs)
    expect(proven).toBe(1)
    await clock.advance(DIRECT_PATH.provenMs)
    expect(proven).toBe(1)
  })

  it('takes it for proven when it has only lasted', async () => {
    await clock.advance(DIRECT_PATH.provenMs - 1)
    expect(proven).toBe(0)
    await clock.advance(PATH_WATCH.lookMs)
    expect(proven).toBe(1)
  })
})
