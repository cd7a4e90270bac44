import type { Stream } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { createScriptedBackend, type ScriptedBackend } from '../../../../backend/index.ts'
import {
  type AttemptEvent,
  type AttemptInit,
  createPeerAttempt,
  KeptStreams,
} from '../../../../client/attempt/index.ts'
import { WireStream } from '../../../../client/attempt/wire-stream.ts'
import { encodeRequest, REQUEST_LIMITS } from '../../../../client/request/index.ts'
import {
  decodeClientFrame,
  encodeNodeFrame,
  FrameReader,
  FrameWriter,
  InferenceError,
  type NodeFrame,
  PROTOCOLS,
} from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'
import { chatFrames, newPeerId } from '../../../../testing/swarms/client-peers.ts'
import { createHarness, type Harness } from '../../../../testing/swarms/node-harness.ts'
import { pairFor } from '../../../../testing/swarms/pair-for.ts'

const BOUNDS = { maxFrames: 10_000, maxTotalBytes: 10_000_000 }

type Serve = (stream: Stream) => Promise<void>

const opened: Disposable[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one[Symbol.dispose]()
})

/** Attempts at one peer that serves streams like this. */
async function clientOf(serve: Serve, served: readonly string[] = Object.values(PROTOCOLS)) {
  const peerId = await newPeerId()
  const clock = new VirtualClock()
  const streams: Stream[] = []
  const kept = new KeptStreams({ clock, speaks: () => true })
  opened.push({ [Symbol.dispose]: () => kept.close() })
  const connect = async (_: unknown, protocol: string): Promise<Stream> => {
    if (!served.includes(protocol)) {
      throw Object.assign(new Error('not spoken'), { name: 'UnsupportedProtocolError' })
    }
    const [outbound, inbound] = await pairFor(protocol)
    streams.push(outbound)
    serve(inbound).catch(() => {})
    return outbound
  }
  const attempt = createPeerAttempt({ connect, clock, kept })
  const ask = (content: string, signal = new AbortController().signal) => {
    const init: AttemptInit = {
      peerId,
      request: encodeRequest({
        kind: 'chat',
        body: { model: 'scripted', messages: [{ role: 'user', content }] },
      }),
      limits: {
        ...REQUEST_LIMITS,
        silenceTimeoutMs: 8_000,
        ttftTimeoutMs: 30_000,
        itlTimeoutMs: 10_000,
      },
      remainingMs: () => 60_000,
    }
    return attempt(init, { signal })
  }
  return { ask, kept, clock, streams }
}

async function read(events: AsyncIterable<readonly AttemptEvent[]>): Promise<string> {
  let text = ''
  for await (const together of events) text += textOf(together)
  return text
}

function textOf(events: readonly AttemptEvent[]): string {
  return events.map(textOfOne).join('')
}

function textOfOne(event: AttemptEvent): string {
  if (event.type !== 'chunk' || event.chunk.kind !== 'chat') return ''
  return event.chunk.choices[0]?.delta.content ?? ''
}

async function nodeOf(
  backend: ScriptedBackend = createScriptedBackend(),
): Promise<{ node: Harness; serve: Serve }> {
  const node = await createHarness({ backend })
  return { node, serve: (stream) => node.serve(stream) }
}

/** A peer that writes its own frames: gets each attempt's id, and says when a whole request is there. */
function scripted(
  onRequest: (attemptId: Uint8Array, number: number, writer: FrameWriter) => Promise<void>,
): Serve {
  return async (stream) => {
    const reader = new FrameReader(stream, BOUNDS)
    const writer = new FrameWriter(stream)
    for (let number = 1; ; number += 1) {
      const bytes = await reader.next()
      if (bytes === undefined) return
      const head = decodeClientFrame(bytes)
      if (head.type !== 'head') throw new Error('no head')
      await reader.next()
      await onRequest(head.attemptId, number, writer)
    }
  }
}

async function say(
  writer: FrameWriter,
  frames: readonly NodeFrame[],
  attemptId: Uint8Array,
): Promise<void> {
  await Promise.all(frames.map((frame) => writer.write(encodeNodeFrame(frame, attemptId))))
}

describe('kept streams', () => {
  it('carry one attempt after the other', async () => {
    const { serve } = await nodeOf()
    const { ask, streams, kept } = await clientOf(serve)
    expect(await read(ask('Count from 1 to 3.'))).toBe('1, 2, 3.')
    expect(await read(ask('Count from 1 to 4.'))).toBe('1, 2, 3, 4.')
    expect(streams.map(({ protocol }) => protocol)).toEqual([PROTOCOLS.keptInference])
    expect(kept.size).toBe(1)
  })

  it('serve attempts at a time on one stream each', async () => {
    const { serve } = await nodeOf()
    const { ask, streams, kept } = await clientOf(serve)
    for (let round = 0; round < 3; round += 1) {
      const answers = [3, 4, 5, 6].map((n) => read(ask(`Count from 1 to ${n}.`)))
      expect((await Promise.all(answers)).map((text) => text.length)).toEqual([8, 11, 14, 17])
    }
    expect(streams).toHaveLength(4)
    expect(kept.size).toBe(4)
  })

  it('are reset by a caller that leaves, and not used again', async () => {
    const backend = createScriptedBackend({ paceMs: 2 })
    const { serve, node } = await nodeOf(backend)
    const { ask, streams, kept } = await clientOf(serve)
    await read(ask('Count from 1 to 3.'))
    const caller = new AbortController()
    const events = ask('Count from 1 to 1000.', caller.signal)
    for await (const together of events) if (textOf(together) !== '') break
    expect(streams[0]?.status).toBe('aborted')
    expect(kept.size).toBe(0)
    await backend.idle()
    expect(await read(ask('Count from 1 to 4.'))).toBe('1, 2, 3, 4.')
    expect(streams).toHaveLength(2)
    expect(node.served.map(({ outcome }) => outcome)).toEqual(['answered', 'cancelled', 'answered'])
  })

  it('end with a refusal, and the next attempt opens another', async () => {
    const { serve, node } = await nodeOf()
    const { ask, streams, kept } = await clientOf(serve)
    await read(ask('Count from 1 to 3.'))
    node.status.startDraining()
    await expect(read(ask('Count from 1 to 3.'))).rejects.toMatchObject({ code: 'draining' })
    expect(kept.size).toBe(0)
    await expect(read(ask('Count from 1 to 3.'))).rejects.toMatchObject({ code: 'draining' })
    expect(streams).toHaveLength(2)
  })

  it('that their node closed are replaced without a failure', async () => {
    const { serve, node } = await nodeOf()
    const { ask, streams, kept } = await clientOf(serve)
    await read(ask('Count from 1 to 3.'))
    // The request is on its way when the node closes the stream.
    const answer = read(ask('Count from 1 to 4.'))
    node.context.kept.close()
    expect(await answer).toBe('1, 2, 3, 4.')
    expect(streams.length).toBeLessThanOrEqual(2)
    expect(kept.size).toBeLessThanOrEqual(1)
  })

  it('fail once, and not again and again, if their peer resets each request', async () => {
    const serve: Serve = async (stream) => {
      const inner = scripted(async (id, number, writer) => {
        if (number === 1 && opens === 1) await say(writer, chatFrames(['fine']), id)
        else stream.abort(new Error('scripted'))
      })
      opens += 1
      await inner(stream)
    }
    let opens = 0
    const { ask, streams } = await clientOf(serve)
    expect(await read(ask('one'))).toBe('fine')
    await expect(read(ask('two'))).rejects.toMatchObject({ code: 'stream_reset' })
    expect(streams).toHaveLength(2)
  })

  it('are not kept after an end that breaks the protocol', async () => {
    const onlyDone = chatFrames(['fine']).slice(-1)
    const { ask, streams, kept } = await clientOf(
      scripted(async (id, _, writer) => await say(writer, onlyDone, id)),
    )
    await expect(read(ask('one'))).rejects.toMatchObject({ code: 'malformed' })
    expect(kept.size).toBe(0)
    expect(streams[0]?.status).toBe('aborted')
  })

  it('cannot be used while bytes wait in them', async () => {
    const [stream] = await pairFor(PROTOCOLS.keptInference)
    const wire = new WireStream(stream, true, undefined)
    expect(wire.isUsable).toBe(true)
    stream.pause()
    stream.push(Uint8Array.of(1))
    expect(wire.isUsable).toBe(false)
  })

  it('expire when idle', async () => {
    const { serve } = await nodeOf()
    const { ask, streams, kept, clock } = await clientOf(serve)
    await read(ask('Count from 1 to 3.'))
    await clock.advance(200_000)
    expect(kept.size).toBe(0)
    expect(streams[0]?.status).not.toBe('open')
  })

  it('are bounded', async () => {
    const serve = scripted(async (id, _, writer) => await say(writer, chatFrames(['fine']), id))
    const { ask, kept } = await clientOf(serve)
    await Promise.all(Array.from({ length: 80 }, () => read(ask('hello'))))
    expect(kept.size).toBe(64)
  })

  it('close with the client', async () => {
    const { serve } = await nodeOf()
    const { ask, streams, kept } = await clientOf(serve)
    await read(ask('Count from 1 to 3.'))
    kept.close()
    expect(kept.size).toBe(0)
    expect(streams[0]?.writeStatus).not.toBe('writable')
  })
})

describe('an answer does not bleed into another', () => {
  const good = chatFrames(['fine'])
  const evil = chatFrames(['evil'])
  const zeros = new Uint8Array(16)

  it.each<[string, Parameters<typeof scripted>[0]]>([
    [
      'right after the end, under the old id',
      async (id, _, writer) => {
        await Promise.all([say(writer, good, id), say(writer, evil, id)])
      },
    ],
    [
      'right after the end, under an id that it guesses',
      async (id, _, writer) => {
        await Promise.all([say(writer, good, id), say(writer, evil, zeros)])
      },
    ],
    [
      'as one that is cut in the middle of a frame',
      async (id, _, writer) => {
        const cut = encodeNodeFrame(evil[0] as NodeFrame, id)
        await Promise.all([say(writer, good, id), writer.write(cut.subarray(0, 5))])
      },
    ],
  ])('of a peer that sends a second answer %s', async (_, onRequest) => {
    const { ask, kept, streams } = await clientOf(scripted(onRequest))
    for (const question of ['one', 'two', 'three']) expect(await read(ask(question))).toBe('fine')
    expect(kept.size).toBe(0)
    expect(streams).toHaveLength(3)
  })

  it('of a peer that answers the second question with the id of the first', async () => {
    let first: Uint8Array | undefined
    const serve = scripted(async (id, number, writer) => {
      first ??= id
      await say(writer, number === 1 ? good : evil, first)
    })
    const { ask, kept } = await clientOf(serve)
    expect(await read(ask('one'))).toBe('fine')
    const failure: unknown = await read(ask('two')).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(InferenceError)
    expect((failure as InferenceError).code).toBe('malformed')
    expect(kept.size).toBe(0)
  })

  it('of a peer that mixes frames of the first into the second', async () => {
    let first: Uint8Array | undefined
    const serve = scripted(async (id, number, writer) => {
      first ??= id
      if (number === 1) return await say(writer, good, id)
      await say(writer, good.slice(0, 2), id)
      await say(writer, evil.slice(2), first)
    })
    const { ask } = await clientOf(serve)
    expect(await read(ask('one'))).toBe('fine')
    let text = ''
    const reading = (async () => {
      for await (const together of ask('two')) text += textOf(together)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'malformed' })
    expect(text).toBe('')
  })

  it('of a peer that writes to an idle stream', async () => {
    let writerOf: FrameWriter | undefined
    const serve = scripted(async (id, _, writer) => {
      writerOf = writer
      await say(writer, good, id)
    })
    const { ask, kept, streams } = await clientOf(serve)
    expect(await read(ask('one'))).toBe('fine')
    expect(kept.size).toBe(1)
    await say(writerOf as FrameWriter, evil, zeros).catch(() => {})
    await expect.poll(() => kept.size).toBe(0)
    expect(await read(ask('two'))).toBe('fine')
    expect(streams).toHaveLength(2)
  })

  it('of a peer that names no attempt', async () => {
    const serve = scripted(async (_id, _number, writer) => {
      for (const frame of evil) await writer.write(encodeNodeFrame(frame))
    })
    const { ask } = await clientOf(serve)
    await expect(read(ask('one'))).rejects.toMatchObject({ code: 'malformed' })
  })
})

describe('peers of different versions', () => {
  it('a peer that advertises kept streams and does not serve them is asked the old way', async () => {
    const { serve } = await nodeOf()
    const { ask, streams } = await clientOf(serve, [PROTOCOLS.inference])
    for (const n of [3, 4]) {
      const numbers = Array.from({ length: n }, (_, at) => at + 1).join(', ')
      expect(await read(ask(`Count from 1 to ${n}.`))).toBe(`${numbers}.`)
    }
    const old = [PROTOCOLS.inference, PROTOCOLS.inference]
    expect(streams.map(({ protocol }) => protocol)).toEqual(old)
  })
})
