import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { streamPair } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  createDialBackClient,
  type DialBackClient,
} from '../../../../host/reach/dial-back-client.ts'
import { createDialBackServer } from '../../../../host/reach/dial-back-server.ts'
import { DIAL_BACK } from '../../../../host/reach/limits.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'

const ADDRESS = multiaddr('/ip4/44.0.0.2/tcp/4801')
const { signal } = new AbortController()

/** How the server's dial goes. */
type Dial = (address: Multiaddr) => Connection

/** An asker at 44.0.0.2 and a server at 45.0.0.1, joined by streams in memory. */
class Pair {
  readonly client: DialBackClient
  readonly dialed: string[] = []
  dial: Dial = () => this.connectBack()
  asker: PeerId
  readonly server: PeerId
  nowMs = 0
  readonly #serve: ReturnType<typeof createDialBackServer>
  readonly #connections: Connection[] = []
  #count = 0

  constructor(asker: PeerId, server: PeerId) {
    this.asker = asker
    this.server = server
    this.client = createDialBackClient({ getConnections: () => this.#connections })
    this.#serve = createDialBackServer({
      dial: (address) => {
        this.dialed.push(address.toString())
        return Promise.resolve(this.dial(address))
      },
      ownIps: () => new Set(['45.0.0.1']),
      now: () => this.nowMs,
    })
  }

  #next(): string {
    this.#count += 1
    return String(this.#count)
  }

  /** The asker's connection to the server. */
  ask(from = '/ip4/44.0.0.2/tcp/50000'): Connection {
    const theirs = { remotePeer: this.asker, remoteAddr: multiaddr(from) } as Connection
    const mine = {
      id: this.#next(),
      remotePeer: this.server,
      newStream: async () => {
        const [near, far] = await streamPair({ protocol: PROTOCOLS.dialBack })
        void this.#serve(far, theirs)
        return near
      },
    } as unknown as Connection
    this.#connections.push(mine)
    return mine
  }

  /** What the server's dial opens, as the asker sees it. */
  connectBack(seen: Partial<Connection> = {}): Connection {
    const inbound = {
      id: this.#next(),
      direction: 'inbound',
      remotePeer: this.server,
      remoteAddr: multiaddr('/ip4/45.0.0.1/tcp/60000'),
      ...seen,
    } as unknown as Connection
    return {
      newStream: async () => {
        const [near, far] = await streamPair({ protocol: PROTOCOLS.dialBackNonce })
        void this.client.onNonce(far, inbound)
        return near
      },
      close: () => Promise.resolve(),
      abort: () => undefined,
    } as unknown as Connection
  }
}

describe('dial-back', () => {
  let pair: Pair

  beforeEach(async () => {
    const create = async (): Promise<PeerId> =>
      peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    pair = new Pair(await create(), await create())
  })

  it('proves an address by a nonce over the connection that was opened to it', async () => {
    expect(await pair.client.ask(pair.ask(), [ADDRESS], { signal })).toEqual([
      { outcome: 'reached', proved: true },
    ])
    expect(pair.dialed).toEqual([`${ADDRESS.toString()}/p2p/${pair.asker.toString()}`])
  })

  it.each([
    ['over a connection that was there before', (old: Connection) => ({ id: old.id })],
    ['over a connection that we opened', () => ({ direction: 'outbound' as const })],
    ['from a private network', () => ({ remoteAddr: multiaddr('/ip4/10.0.0.1/tcp/1') })],
  ])('does not take a nonce for proof %s', async (_, seen) => {
    const connection = pair.ask()
    pair.dial = () => pair.connectBack(seen(connection))
    expect(await pair.client.ask(connection, [ADDRESS], { signal })).toEqual([
      { outcome: 'reached', proved: false },
    ])
  })

  it('does not take a nonce of another peer for proof', async () => {
    pair.dial = () => pair.connectBack({ remotePeer: pair.asker })
    const [answer] = await pair.client.ask(pair.ask(), [ADDRESS], { signal })
    expect(answer).toEqual({ outcome: 'reached', proved: false })
  })

  it.each([
    ['refused', { code: 'ECONNREFUSED' }],
    ['timeout', { code: 'EHOSTUNREACH' }],
    ['timeout', { name: 'TimeoutError' }],
    ['other_peer', { name: 'UnexpectedPeerError' }],
    ['other_peer', { name: 'EncryptionFailedError' }],
  ])('says %s', async (outcome, error) => {
    pair.dial = () => {
      throw Object.assign(new Error('no'), error)
    }
    const [answer] = await pair.client.ask(pair.ask(), [ADDRESS], { signal })
    expect(answer).toEqual({ outcome, proved: false })
  })

  it('dials the asker only', async () => {
    const others = ['/ip4/44.0.0.3/tcp/4801', '/ip4/10.0.0.1/tcp/4801', '/dns4/x.example/tcp/1']
    const answers = await pair.client.ask(
      pair.ask(),
      others.map((text) => multiaddr(text)),
      { signal },
    )
    expect(answers.map(({ outcome }) => outcome)).toEqual(Array(3).fill('not_allowed'))
    expect(pair.dialed).toEqual([])
  })

  it('dials for one peer, and for one network, at a bounded rate', async () => {
    const ask = async (from?: string): Promise<string | undefined> =>
      (await pair.client.ask(pair.ask(from), [ADDRESS], { signal }))[0]?.outcome
    const burst = DIAL_BACK.perPeer.burst
    for (let count = 0; count < burst; count += 1) expect(await ask()).toBe('reached')
    expect(await ask()).toBe('rate_limited')
    expect(pair.dialed).toHaveLength(burst)
    pair.nowMs += 1_000 / DIAL_BACK.perPeer.perSecond
    expect(await ask()).toBe('reached')
    for (let peers = 0; peers < DIAL_BACK.perNetwork.burst; peers += 1) {
      pair.asker = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
      await ask()
    }
    expect(await ask()).toBe('rate_limited')
    pair.asker = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    expect(await ask('/ip4/46.0.0.2/tcp/1')).toBe('not_allowed')
  })

  it('asks for no more bytes than it was sent', async () => {
    let sent = 0
    let received = 0
    const connection = pair.ask()
    const counted = {
      ...connection,
      newStream: async () => {
        const stream = await connection.newStream(PROTOCOLS.dialBack)
        const send = stream.send.bind(stream)
        stream.send = (data) => {
          sent += data.byteLength
          return send(data)
        }
        stream.addEventListener('message', ({ data }) => {
          received += data.byteLength
        })
        return stream
      },
    } as unknown as Connection
    await pair.client.ask(counted, [ADDRESS, ADDRESS], { signal })
    expect(sent).toBeGreaterThan(2_048)
    expect(received).toBeLessThan(64)
  })
})
