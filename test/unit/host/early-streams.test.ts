import type { Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type EarlyOptions, noteProtocols } from '../../../host/early-streams.ts'
import { muxer } from '../../../host/muxer.ts'
import { FrameReader, InferenceError, PROTOCOLS } from '../../../protocol/index.ts'

const KNOWN = PROTOCOLS.probe
/** Multistream-select's messages for it: the choice and its confirmation are alike. */
const CHOICE = `\x13/multistream/1.0.0\n\x13${KNOWN}\n`
const REFUSAL = '\x13/multistream/1.0.0\n\x03na\n'

/** Two muxers over one connection; identify has listed {@link KNOWN} to the near one. */
function pair() {
  const [one, other] = multiaddrConnectionPair()
  const near = muxer()().createStreamMuxer(one)
  const far = muxer()().createStreamMuxer(other)
  const inbound = new Promise<Stream>((resolve) => {
    far.addEventListener('stream', ({ detail }) => resolve(detail))
  })
  const identified = (protocols: readonly string[]): void =>
    noteProtocols({ muxer: near } as unknown as Parameters<typeof noteProtocols>[0], protocols)
  const open = (protocol: string, options: EarlyOptions = {}): Promise<Stream> => {
    const all = { protocol, ...options }
    return near.createStream(all as Parameters<StreamMuxer['createStream']>[0])
  }
  return { identified, inbound, near, other, open }
}

interface Sides {
  readonly near: StreamMuxer
  readonly far: {
    readonly other: { close(): Promise<void>; abort(error: Error): void }
    readonly stream: Stream
  }
}

const textOf = (stream: Stream, length: number): Promise<string> =>
  new Promise((resolve) => {
    let text = ''
    stream.addEventListener('message', ({ data }) => {
      text += Buffer.from(data.subarray()).toString('latin1')
      if (text.length >= length) resolve(text)
    })
  })

const failureOf = (stream: Stream): Promise<Error | undefined> =>
  new Promise((resolve) => {
    stream.addEventListener('close', ({ error }) => resolve(error), { once: true })
  })

describe('a stream of a known protocol', () => {
  it('carries data before the peer has confirmed the protocol', async () => {
    const { identified, inbound, open } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    expect(stream.protocol).toBe(KNOWN)
    stream.send(Buffer.from('question'))
    // The far side has said nothing yet.
    expect(await textOf(await inbound, CHOICE.length + 8)).toBe(`${CHOICE}question`)
  })

  it('hides the confirmation, in however many pieces it comes, from its reader', async () => {
    const { identified, inbound, open } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    const answer = textOf(stream, 6)
    const far = await inbound
    for (const byte of `${CHOICE}answer`) far.send(Buffer.from(byte))
    expect(await answer).toBe('answer')
  })

  it('takes what comes with the confirmation in one message', async () => {
    const { identified, inbound, open } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    const answer = textOf(stream, 6)
    const far = await inbound
    far.send(Buffer.from(`${CHOICE}answer`))
    expect(await answer).toBe('answer')
  })

  it('fails as a dial does if the peer refuses the protocol, which is then negotiated', async () => {
    const { identified, inbound, open } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    const failure = failureOf(stream)
    ;(await inbound).send(Buffer.from(REFUSAL))
    const error = await failure
    expect(InferenceError.is(error, 'dial_failed')).toBe(true)
    expect((error as Error).cause).toHaveProperty('name', 'UnsupportedProtocolError')
    expect((await open(KNOWN)).protocol).toBe('')
    expect((await open(KNOWN, { isAdvertised: true })).protocol).toBe('')
  })

  it('fails as a dial does if the peer says nothing', async () => {
    const { identified, open } = pair()
    identified([KNOWN])
    const error = await failureOf(await open(KNOWN, { confirmWithinMs: 1 }))
    expect(InferenceError.is(error, 'dial_failed')).toBe(true)
  })
})

describe('a stream that ends before the peer has confirmed the protocol', () => {
  const ends: readonly [name: string, end: (sides: Sides) => unknown][] = [
    ['its connection is closed', ({ far }) => far.other.close()],
    ['its connection breaks', ({ far }) => far.other.abort(new Error('ECONNRESET'))],
    ['its connection is aborted here', ({ near }) => near.abort(new Error('no answer to a ping'))],
    ['the peer resets it', ({ far }) => far.stream.abort(new Error('no'))],
    ['the peer ends it', ({ far }) => far.stream.close()],
    [
      'the peer ends it amid the confirmation',
      ({ far }) => {
        far.stream.send(Buffer.from(CHOICE.slice(0, 10)))
        return far.stream.close()
      },
    ],
  ]

  it.each(ends)('fails as a dial does when %s', async (_, end) => {
    const { identified, inbound, open, near, other } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    const reader = new FrameReader(stream, { maxFrames: 1, maxTotalBytes: 1_000 })
    const failure = reader.next().catch((error: unknown) => error)
    await end({ near, far: { other, stream: await inbound } })
    expect(await failure).toHaveProperty('code', 'dial_failed')
  })

  it('keeps the reason of an abort at this end', async () => {
    const { identified, open } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    const failure = failureOf(stream)
    stream.abort(new InferenceError('cancelled', 'the attempt is over'))
    expect(await failure).toHaveProperty('code', 'cancelled')
  })

  it('ends as usual once the protocol is confirmed', async () => {
    const { identified, inbound, open } = pair()
    identified([KNOWN])
    const stream = await open(KNOWN)
    const reader = new FrameReader(stream, { maxFrames: 1, maxTotalBytes: 1_000 })
    const read = reader.next()
    const far = await inbound
    far.send(Buffer.from(CHOICE))
    await far.close()
    expect(await read).toBeUndefined()
  })
})

describe('the wait for a confirmation', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it('goes on while anything comes over the connection: the peer is busy', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { identified, inbound, open } = pair()
    identified([KNOWN])
    const other = await open('/other')
    other.send(Buffer.from('question'))
    const far = await inbound
    const stream = await open(KNOWN, { confirmWithinMs: 1_000 })
    for (let second = 0; second < 10; second += 1) {
      const heard = textOf(other, 1)
      far.send(Buffer.from('!'))
      await heard
      vi.advanceTimersByTime(1_000)
    }
    expect(stream.status).toBe('open')
    vi.advanceTimersByTime(1_000)
    expect(stream.status).toBe('aborted')
  })
})

describe('which protocols are known', () => {
  it('the advertisement exchange always, advertised ones until identify, listed ones after it', async () => {
    const { identified, open } = pair()
    const isEarly = async (protocol: string, options?: EarlyOptions): Promise<boolean> =>
      (await open(protocol, options)).protocol !== ''
    expect(await isEarly(PROTOCOLS.advertisement)).toBe(true)
    expect(await isEarly(KNOWN)).toBe(false)
    expect(await isEarly(KNOWN, { isAdvertised: true })).toBe(true)
    identified([PROTOCOLS.kad])
    expect(await isEarly(KNOWN, { isAdvertised: true })).toBe(false)
    expect(await isEarly(PROTOCOLS.kad)).toBe(true)
    identified([])
    expect(await isEarly(PROTOCOLS.kad)).toBe(false)
  })
})
