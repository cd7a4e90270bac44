import { streamPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { AttemptScope } from '../../../node/serve/attempt-scope.ts'
import { KeepAlives } from '../../../node/serve/keep-alives.ts'
import { StreamEnd } from '../../../node/serve/stream-end.ts'
import { InferenceError, type NodeFrame } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'

async function openScope() {
  const clock = new VirtualClock()
  const [stream] = await streamPair({ delay: 0 })
  const node = new AbortController()
  const end = new StreamEnd(stream)
  return { clock, node, stream, end, scope: new AttemptScope(end, node.signal, clock) }
}

describe('the scope of an attempt', () => {
  it('ends at its latest deadline, moved back or forward', async () => {
    const { clock, scope } = await openScope()
    scope.expireIn(1_000, 'first')
    scope.expireIn(5_000, 'later')
    await clock.advance(4_999)
    expect(scope.signal.aborted).toBe(false)
    scope.expireIn(10_000, 'too late')
    scope.expireIn(2_000, 'sooner')
    await clock.advance(1_999)
    expect(scope.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(scope.signal.reason).toMatchObject({ code: 'deadline_exceeded', message: 'sooner' })
    scope.close()
  })

  it('ends the wait of the moment, and each one after its end', async () => {
    const { node, scope } = await openScope()
    const waiting = scope.race.wait(new Promise(() => {}))
    node.abort(new InferenceError('draining', 'the node stops'))
    await expect(waiting).rejects.toMatchObject({ code: 'draining' })
    await expect(scope.race.wait(new Promise(() => {}))).rejects.toMatchObject({ code: 'draining' })
    scope.close()
  })

  it('leaves no timer, and does not end with the node once it is closed', async () => {
    const { clock, node, scope } = await openScope()
    scope.expireIn(1_000, 'late')
    scope.close()
    node.abort()
    await clock.advance(2_000)
    expect(scope.signal.aborted).toBe(false)
  })
})

describe('the end of a stream', () => {
  it('ends the attempt of the moment, and each later one at once', async () => {
    const { clock, node, stream, end, scope: first } = await openScope()
    first.close()
    const second = new AttemptScope(end, node.signal, clock)
    stream.abort(new Error('gone'))
    expect([first.clientGone, second.clientGone]).toEqual([false, true])
    expect(second.signal.reason).toMatchObject({ code: 'cancelled' })
    expect(new AttemptScope(end, node.signal, clock).clientGone).toBe(true)
  })
})

describe('keep-alives', () => {
  it('report progress at every interval until the first chunk, then only long pauses', async () => {
    const clock = new VirtualClock()
    const sent: NodeFrame[] = []
    const reply = {
      encode: (frame: NodeFrame) => {
        sent.push(frame)
        return new Uint8Array()
      },
      offer: () => true,
    }
    using keepAlives = new KeepAlives({ reply, everyMs: 1_000, clock })
    const phases = () =>
      sent.splice(0).map((frame) => (frame.type === 'keepAlive' ? frame.progress : frame))
    keepAlives.report({ phase: 'queued', ahead: 2 })
    await clock.advance(1_000)
    keepAlives.report({ phase: 'prefill', tokens: 1, of: 2 })
    await clock.advance(1_500)
    expect(phases()).toEqual([
      { phase: 'queued', ahead: 2 },
      { phase: 'prefill', tokens: 1, of: 2 },
    ])
    keepAlives.pause()
    await clock.advance(2_000)
    keepAlives.resume()
    keepAlives.report({ phase: 'prefill', tokens: 2, of: 2 })
    await clock.advance(1_000)
    expect(phases()).toEqual([])
    await clock.advance(1_000)
    expect(phases()).toEqual([{ phase: 'working' }])
  })
})
