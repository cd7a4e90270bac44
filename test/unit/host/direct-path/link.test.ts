import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DIRECT_PATH } from '../../../../host/direct-path/limits.ts'
import { Link } from '../../../../host/direct-path/link.ts'
import {
  loadRtc,
  type Rtc,
  type RtcDataChannel,
  type RtcPeerConnection,
} from '../../../../host/direct-path/rtc.ts'

const links: Link[] = []
let rtc: Rtc

beforeAll(async () => {
  const loaded = await loadRtc()
  if (loaded === undefined) throw new Error('node-datachannel is not installed')
  rtc = loaded
})

afterEach(() => {
  for (const link of links.splice(0)) link.close()
})

const { signal } = new AbortController()

function newLink(): Link {
  const link = new Link({ rtc, stun: [] })
  links.push(link)
  return link
}

async function openPair(): Promise<readonly [Link, Link]> {
  const [offering, answering] = [newLink(), newLink()]
  const offer = await offering.describe('offer', { signal })
  answering.accept(offer, 'offer')
  const answer = await answering.describe('answer', { signal })
  offering.accept(answer, 'answer')
  offering.begin(answer)
  answering.begin(offer)
  await Promise.all([offering.opened({ signal }), answering.opened({ signal })])
  return [offering, answering]
}

/** Hash of what comes, once it is so many bytes. */
function hashOf(link: Link, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  let left = bytes
  return new Promise((resolve, reject) => {
    link.attach({
      onBytes: (piece) => {
        hash.update(piece)
        left -= piece.byteLength
        if (left === 0) resolve(hash.digest('hex'))
      },
      onDrain: () => {},
      onEnd: () => reject(new Error('it ended')),
    })
  })
}

describe('Link', () => {
  it('carries megabytes in order, and says when to wait and when to go on', async () => {
    const [from, to] = await openPair()
    const pieces = Array.from({ length: 128 }, () => randomBytes(65_536))
    const hash = createHash('sha256')
    for (const piece of pieces) hash.update(piece)
    const received = hashOf(to, 128 * 65_536)
    let drain = Promise.withResolvers<void>()
    let waits = 0
    from.attach({ onBytes: () => {}, onDrain: () => drain.resolve(), onEnd: () => {} })
    for (const piece of pieces) {
      drain = Promise.withResolvers<void>()
      if (from.send(piece)) continue
      waits += 1
      await drain.promise
    }
    expect(await received).toBe(hash.digest('hex'))
    expect(waits).toBeGreaterThan(0)
  })

  it('delivers what came before anything listened, and what was sent before the end', async () => {
    const [from, to] = await openPair()
    const piece = randomBytes(60_000)
    for (let index = 0; index < 5; index += 1) from.send(piece)
    const flushed = from.flush()
    const hash = createHash('sha256')
    for (let index = 0; index < 5; index += 1) hash.update(piece)
    expect(await hashOf(to, 300_000)).toBe(hash.digest('hex'))
    await Promise.all([flushed, from.ended, to.ended])
  })

  it('counts what came, and what was sent since then', async () => {
    const [one, other] = await openPair()
    const arrived = hashOf(other, 5_000)
    one.send(new Uint8Array(3_000))
    one.send(new Uint8Array(2_000))
    await arrived
    expect(one).toMatchObject({ receivedBytes: 0, unheardBytes: 5_000 })
    expect(other).toMatchObject({ receivedBytes: 5_000, unheardBytes: 0 })
    const answered = hashOf(one, 1)
    other.send(new Uint8Array(1))
    await answered
    expect(one).toMatchObject({ receivedBytes: 1, unheardBytes: 0 })
  })

  it('ends at both sides when one side ends it', async () => {
    const [one, other] = await openPair()
    one.close()
    await Promise.all([one.ended, other.ended])
    expect(() => other.send(new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: 'path_lost' }),
    )
  })

  it('rejects a wait for a link that ends before it is open', async () => {
    const link = newLink()
    await link.describe('offer', { signal })
    const opened = link.opened({ signal })
    link.close()
    await expect(opened).rejects.toMatchObject({ code: 'path_lost' })
    await expect(link.describe('offer', { signal })).rejects.toThrow()
  })

  it('ends when more has come than it could hand on', async () => {
    let received = 0
    let deliver: (message: Uint8Array) => void = () => {}
    const link = new Link({
      rtc: fakeRtc({ received: () => received, listen: (to) => (deliver = to) }),
      stun: [],
    })
    const ended = new Promise<unknown>((resolve) => {
      link.attach({ onBytes: () => {}, onDrain: () => {}, onEnd: resolve })
    })
    received = DIRECT_PATH.maxUnreadBytes + 1
    deliver(new Uint8Array(1))
    received += 1
    deliver(new Uint8Array(0))
    expect(await ended).toMatchObject({ code: 'path_lost' })
    await link.ended
  })
})

interface FakeRtcInit {
  /** Bytes that have come from the network. */
  readonly received: () => number
  readonly listen: (deliver: (message: Uint8Array) => void) => void
}

/** The library without a network. */
function fakeRtc({ received, listen }: FakeRtcInit): Rtc {
  const nothing = (): void => {}
  const channel: RtcDataChannel = {
    close: nothing,
    sendMessageBinary: () => true,
    bufferedAmount: () => 0,
    setBufferedAmountLowThreshold: nothing,
    onOpen: nothing,
    onClosed: nothing,
    onError: nothing,
    onBufferedAmountLow: nothing,
    onMessage: listen,
  }
  return {
    PeerConnection: class implements RtcPeerConnection {
      close = nothing
      setLocalDescription = nothing
      setRemoteDescription = nothing
      addRemoteCandidate = nothing
      localDescription = () => null
      createDataChannel = () => channel
      onStateChange = nothing
      onGatheringStateChange = nothing
      onDataChannel = nothing
      bytesReceived = received
      getSelectedCandidatePair = () => null
    },
  }
}
