import type { Stream } from '@libp2p/interface'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeNodeFrame, FrameWriter, type Progress } from '../../../../protocol/index.ts'
import {
  accepted,
  answers,
  type Behaviour,
  chatFrames,
  readRequest,
} from '../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../testing/swarms/fake-swarm.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'
import { delay } from '../../../../timing/index.ts'

/** About 2,000 tokens by the client's estimate: 5 s at 400 tokens a second, 10 s at 200. */
const request = { model: 'm', messages: [{ role: 'user', content: 'goose '.repeat(1_333) }] }
const SECOND = 1_000

let swarm: FakeSwarm

afterEach(async () => {
  await swarm.close()
})

/** Works for `seconds`, with one report each second, and then answers. */
function worksFor(
  clock: VirtualClock,
  seconds: number,
  reportAt: (second: number) => Progress | undefined,
): Behaviour {
  return async (stream: Stream) => {
    await readRequest(stream)
    const writer = new FrameWriter(stream)
    const left = new AbortController()
    stream.addEventListener('close', () => left.abort(), { once: true })
    await writer.write(encodeNodeFrame(accepted))
    for (let second = 1; second <= seconds && stream.status === 'open'; second += 1) {
      await delay(SECOND, { clock, signal: left.signal })
      const progress = reportAt(second)
      const keepAlive = { type: 'keepAlive', ...(progress && { progress }) } as const
      await writer.write(encodeNodeFrame(keepAlive))
    }
    for (const frame of chatFrames(['slow']).slice(1)) await writer.write(encodeNodeFrame(frame))
    await writer.close()
  }
}

/** The frames that come before the pause: `accepted`, the role, and the first word. */
const SHOWN = 3

/** Sends a piece, pauses for 45 seconds with reports of work, and sends the rest. */
function pausesWithin(clock: VirtualClock): Behaviour {
  const frames = chatFrames(['slow', ' goose'])
  return async (stream: Stream) => {
    await readRequest(stream)
    const writer = new FrameWriter(stream)
    const left = new AbortController()
    stream.addEventListener('close', () => left.abort(), { once: true })
    for (const frame of frames.slice(0, SHOWN)) await writer.write(encodeNodeFrame(frame))
    for (let second = 1; second <= 45 && stream.status === 'open'; second += 1) {
      await delay(SECOND, { clock, signal: left.signal })
      const progress = { phase: 'working' } as const
      await writer.write(encodeNodeFrame({ type: 'keepAlive', progress }))
    }
    for (const frame of frames.slice(SHOWN)) await writer.write(encodeNodeFrame(frame))
    await writer.close()
  }
}

async function ask(clock: VirtualClock, options: object = {}) {
  const answer = swarm.requester.streamChat(request, options)
  const text = (async () => {
    let all = ''
    for await (const { choices } of answer) all += choices[0]?.delta.content ?? ''
    return all
  })()
  return { text: await clock.until(text), attempts: answer.attempts, seconds: clock.now() / SECOND }
}

describe('a peer that reports its work', () => {
  it('is asked once, however long the work takes, while the caller waits', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 3_600_000 })
    const loading = (second: number): Progress => ({ phase: 'loading', share: second / 1_800 })
    const { streams } = await swarm.add(worksFor(clock, 1_800, loading))
    const { text, seconds } = await ask(clock)
    expect(text).toBe('slow')
    expect(seconds).toBeGreaterThanOrEqual(1_800)
    expect(streams).toHaveLength(1)
  })

  it('is not hedged shortly before its prompt is read', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000 })
    const reading = (second: number): Progress => ({
      ...{ phase: 'prefill', tokens: second * 91, of: 2_002 },
    })
    await swarm.add(worksFor(clock, 22, reading))
    const other = await swarm.add(answers('fast'))
    const told: Progress[] = []
    const onPeerProgress = ({ progress }: { progress: Progress }): unknown => told.push(progress)
    expect(await ask(clock, { onPeerProgress })).toMatchObject({
      text: 'slow',
      attempts: [{ outcome: 'answered' }],
    })
    expect(other.streams).toHaveLength(0)
    expect(told).toContainEqual({ phase: 'prefill', tokens: 910, of: 2_002 })
  })

  it('is hedged if it reports that it works, but not how far it is', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000 })
    await swarm.add(worksFor(clock, 22, () => ({ phase: 'working' })))
    await swarm.add(answers('fast'))
    const { text, attempts } = await ask(clock)
    expect(text).toBe('fast')
    expect(attempts).toMatchObject([
      { outcome: 'superseded' },
      { reason: 'hedge', outcome: 'answered' },
    ])
  })
})

describe('a peer that pauses within its answer, and reports its work', () => {
  it.each(['hedge', 'single'] as const)(
    'is asked once if no other can take over (%s)',
    async (policy) => {
      const clock = new VirtualClock({ wallMs: Date.now() })
      swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000 })
      const { streams } = await swarm.add(pausesWithin(clock))
      const told: Progress[] = []
      const onPeerProgress = ({ progress }: { progress: Progress }): unknown => told.push(progress)
      const { text, attempts } = await ask(clock, { policy, onPeerProgress })
      expect({ text, asked: streams.length, told }).toEqual({
        ...{ text: 'slow goose', asked: 1, told: [] },
      })
      expect(attempts).toMatchObject([{ outcome: 'answered' }])
    },
  )

  it('is given up for another that can start over', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000 })
    await swarm.add(pausesWithin(clock))
    const other = await swarm.add(answers('fast'))
    const answer = swarm.requester.chat(request, { policy: 'single' })
    await clock.until(answer)
    expect(clock.now()).toBeLessThan(45 * SECOND)
    expect(other.streams).toHaveLength(1)
  })
})

describe('a peer whose prefill stops, though it goes on reporting', () => {
  /** Reads the prompt at an even pace up to its half. */
  const halfRead = (second: number): Progress => ({
    ...{ phase: 'prefill', tokens: Math.min(second * 91, 1_001), of: 2_002 },
  })

  it('is hedged', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 3_600_000 })
    await swarm.add(worksFor(clock, 3_000, halfRead))
    await swarm.add(answers('fast'))
    const { text, attempts, seconds } = await ask(clock)
    expect(text).toBe('fast')
    expect(attempts).toMatchObject([
      { outcome: 'superseded' },
      { reason: 'hedge', outcome: 'answered' },
    ])
    expect(seconds).toBeLessThan(60)
  })

  it('is asked once, where it is alone, until the caller waits no longer', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000 })
    const alone = await swarm.add(worksFor(clock, 3_000, halfRead))
    await expect(ask(clock)).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect(alone.streams).toHaveLength(1)
  })
})

describe('an older peer, which reports nothing', () => {
  it('gets the time that its advertised prefill and cold start explain', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000 })
    const advertisement = { prefillRate: 20, coldStartMs: 60_000 }
    const slow = await swarm.add(
      worksFor(clock, 200, () => undefined),
      { advertisement },
    )
    expect((await ask(clock)).text).toBe('slow')
    expect(slow.streams).toHaveLength(1)
  })

  it('is given up after the usual time if it claims to be fast', async () => {
    const clock = new VirtualClock({ wallMs: Date.now() })
    swarm = await FakeSwarm.create({ clock, timeoutMs: 600_000, maxAttempts: 1 })
    const advertisement = { prefillRate: 2_000 }
    await swarm.add(
      worksFor(clock, 200, () => undefined),
      { advertisement },
    )
    await expect(ask(clock)).rejects.toMatchObject({ code: 'stalled' })
    expect(clock.now()).toBeLessThan(60 * SECOND)
  })
})
