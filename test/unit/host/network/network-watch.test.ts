import {
  type Connection,
  type Libp2p,
  type StreamMuxer,
  TypedEventEmitter,
} from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { openEarly } from '../../../../host/early-streams.ts'
import { watchNetwork } from '../../../../host/network/network-watch.ts'
import { VirtualClock } from '../../../../testing/index.ts'

/** The end of a connection that answers pings, or is silent. */
class FakeConnection {
  readonly remoteAddr: ReturnType<typeof multiaddr>
  readonly remotePeer: string = 'peer'
  status: string = 'open'
  silent: boolean
  reason: Error | undefined
  /** Those that are open. */
  streams: readonly unknown[] = [{}]
  pings: number = 0
  /** Receives what comes over the connection. */
  readonly muxer: Record<'onData' | 'createStream', (data: Uint8Array) => void> = {
    onData: () => {},
    createStream: () => {},
  }

  constructor(silent: boolean, address = '/ip4/45.1.0.1/tcp/1') {
    this.silent = silent
    this.remoteAddr = multiaddr(address)
    openEarly(this.muxer as unknown as StreamMuxer)
  }

  async newStream(): Promise<unknown> {
    this.pings += 1
    const stream = new EventTarget()
    return Object.assign(stream, {
      send: () => {
        if (!this.silent) queueMicrotask(() => stream.dispatchEvent(new Event('message')))
      },
      abort: () => {},
    })
  }

  abort(reason: Error): void {
    this.status = 'aborted'
    this.reason = reason
  }
}

function watched(...connections: FakeConnection[]) {
  const clock = new VirtualClock()
  const events = new TypedEventEmitter()
  const stopping = new AbortController()
  let addresses: readonly string[] = ['192.168.1.2']
  let changes = 0
  watchNetwork({
    libp2p: Object.assign(events, {
      getConnections: () => connections.filter(({ status }) => status === 'open'),
    }) as unknown as Libp2p,
    clock,
    onChange: () => {
      changes += 1
    },
    addresses: () => addresses,
    signal: stopping.signal,
    log: defaultLogger().forComponent('test'),
  })
  return {
    clock,
    move: (...to: readonly string[]) => {
      addresses = to
    },
    opened: (connection: FakeConnection) => {
      const detail = connection as unknown as Connection
      events.dispatchEvent(new CustomEvent('connection:open', { detail }))
    },
    changes: () => changes,
    stop: () => stopping.abort(),
  }
}

describe('a watch over the network', () => {
  it('aborts the connections that died with an address, and leaves those that answer', async () => {
    const dead = new FakeConnection(true)
    const alive = new FakeConnection(false)
    const watch = watched(alive, dead)
    watch.move('10.0.0.7')
    await watch.clock.advance(10_000)
    expect([alive.status, dead.status]).toEqual(['open', 'aborted'])
    expect(watch.changes()).toBe(1)
    watch.stop()
  })

  it('checks again after a change that comes during a check', async () => {
    const dead = new FakeConnection(true)
    const watch = watched(new FakeConnection(false), dead)
    watch.move('10.0.0.7')
    await watch.clock.advance(5_000)
    watch.move('10.0.0.8')
    await watch.clock.advance(10_000)
    expect(dead.status).toBe('aborted')
    expect(watch.changes()).toBe(2)
    watch.stop()
  })

  it('leaves a peer that is silent while others answer: it is busy', async () => {
    const busy = new FakeConnection(true)
    const alive = new FakeConnection(false)
    const watch = watched(busy, alive)
    await watch.clock.advance(60_000)
    expect([alive.status, busy.status]).toEqual(['open', 'open'])
    expect(watch.changes()).toBe(0)
    watch.stop()
  })

  it('aborts all where no peer answers any more, before a silent answer is blamed on its peer', async () => {
    const connections = [new FakeConnection(false), new FakeConnection(false)]
    const watch = watched(...connections)
    await watch.clock.advance(20_000)
    for (const connection of connections) connection.silent = true
    await watch.clock.advance(9_000)
    expect(connections.map(({ status }) => status)).toEqual(['aborted', 'aborted'])
    expect(watch.changes()).toBe(1)
    watch.stop()
  })

  it('asks five times less often while no stream is open', async () => {
    const connection = new FakeConnection(false)
    const watch = watched(connection)
    await watch.clock.advance(60_000)
    expect(connection.pings).toBe(20)
    connection.streams = []
    await watch.clock.advance(60_000)
    expect(connection.pings).toBe(20 + 4)
    connection.silent = true
    await watch.clock.advance(30_000)
    expect(connection.status).toBe('aborted')
    watch.stop()
  })

  it('aborts all of an IP version over which no peer answers any more, and only those', async () => {
    const four = new FakeConnection(false)
    const six = [1, 2].map(() => new FakeConnection(false, '/ip6/2a0e:44::1/tcp/1'))
    const watch = watched(four, ...six)
    await watch.clock.advance(20_000)
    for (const connection of six) connection.silent = true
    await watch.clock.advance(15_000)
    expect(four.status).toBe('open')
    expect(six.map(({ status }) => status)).toEqual(['aborted', 'aborted'])
    expect(six[0]?.reason).toMatchObject({ code: 'path_lost' })
    expect(watch.changes()).toBe(1)
    watch.stop()
  })

  it('aborts a peer’s dead connections when it connects again', async () => {
    const before = new FakeConnection(true)
    const again = new FakeConnection(false)
    const watch = watched(again, before)
    watch.opened(again)
    await watch.clock.advance(7_000)
    expect([before.status, again.status]).toEqual(['aborted', 'open'])
    watch.stop()
  })
  it('leaves connections over which anything comes: answers wait behind an upload', async () => {
    const uploading = new FakeConnection(true)
    const watch = watched(uploading)
    const update = (): void => uploading.muxer.onData(new Uint8Array(12))
    watch.opened(new FakeConnection(false))
    watch.move('10.0.0.7')
    for (let count = 0; count < 12; count += 1) {
      await watch.clock.advance(5_000)
      update()
    }
    expect(uploading.status).toBe('open')
    await watch.clock.advance(15_000)
    expect(uploading.status).toBe('aborted')
    watch.stop()
  })
})
