import { describe, expect, it } from 'vitest'
import { RequestQueue, type RequestQueueInit, type Turn } from '../../../../gateway/queue/index.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'

/** Two turns at a time: one slot. */
function queueOf(init: Partial<RequestQueueInit> = {}) {
  const clock = new VirtualClock()
  const queue = new RequestQueue({
    ...{ maxQueued: 100, maxQueuedPerKey: 50, slots: () => 1, clock },
    ...init,
  })
  const order: string[] = []
  const enter = async (key: string, deadlineMs = 60_000, signal?: AbortSignal): Promise<Turn> => {
    const turn = await queue.enter({
      ...{ model: 'm', key, deadlineAtMs: clock.now() + deadlineMs },
      ...(signal !== undefined && { signal }),
    })
    order.push(key)
    return turn
  }
  return { clock, queue, order, enter }
}

/** The same after three answers of ten seconds, so that it can tell how long a wait will be. */
async function measuredQueue() {
  const made = queueOf()
  for (let count = 0; count < 3; count += 1) {
    const turn = await made.enter('before')
    await made.clock.advance(10_000)
    turn.answered()
    turn.leave()
  }
  return made
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a queue', () => {
  it('admits as many as the slots allow, and each key in turn', async () => {
    const { queue, order, enter } = queueOf()
    const running = [await enter('a'), await enter('a')]
    const waiting = ['a', 'a', 'a', 'b', 'c'].map((key) => enter(key))
    await settled()
    expect(order).toEqual(['a', 'a'])
    expect(queue.depth).toBe(5)
    for (const turn of running) turn.leave()
    for (const turn of waiting) void turn.then((held) => held.leave())
    await Promise.all(waiting)
    // Key a has had two turns already.
    expect(order.slice(2)).toEqual(['b', 'c', 'a', 'a', 'a'])
    expect(queue.depth).toBe(0)
  })

  it('reports the number of turns before a request', async () => {
    const { queue, enter } = queueOf()
    await enter('a')
    await enter('a')
    const ahead: number[] = []
    const about = {
      model: 'm',
      deadlineAtMs: 1e9,
      onPosition: (turns: number) => ahead.push(turns),
    }
    for (const key of ['a', 'a', 'b']) void queue.enter({ ...about, key })
    void queue.enter({ ...about, model: 'other', key: 'a' })
    await settled()
    expect(ahead).toEqual([1, 2, 1, 0])
  })

  it('follows a weight that changes while its key waits', async () => {
    let weight = 1
    const { order, enter } = queueOf({ weightOf: (key) => (key === 'a' ? weight : 1) })
    const running = [await enter('x'), await enter('x')]
    const waiting = Array.from({ length: 40 }, (_, n) => enter(n % 2 === 0 ? 'a' : 'b'))
    await settled()
    weight = 4
    for (const turn of running) turn.leave()
    for (const turn of waiting) void turn.then((held) => held.leave())
    await Promise.all(waiting)
    const first = order.slice(2, 22)
    expect(first.filter((key) => key === 'a').length).toBeGreaterThanOrEqual(15)
  })

  it('gives keys turns by their weights, and none to one alone', async () => {
    const weights = new Map([
      ['high', 4],
      ['low', 1],
    ])
    const weightOf = (key: string): number => weights.get(key) ?? 2
    const { order, enter } = queueOf({ weightOf })
    const [first, second] = [await enter('x'), await enter('x')]
    const waiting = ['low', 'normal', 'high'].flatMap((key) =>
      Array.from({ length: 20 }, () => enter(key)),
    )
    await settled()
    order.length = 0
    for (const turn of waiting) void turn.then((held) => held.leave())
    first.leave()
    second.leave()
    await Promise.all(waiting)
    const turns = (key: string): number => order.slice(0, 21).filter((one) => one === key).length
    expect([turns('low'), turns('normal'), turns('high')]).toEqual([3, 6, 12])
  })

  it('does not refuse a key for the length of another one’s line', async () => {
    const { enter } = await measuredQueue()
    await enter('flood')
    await enter('flood')
    for (let count = 0; count < 40; count += 1) void enter('flood', 1e9).catch(() => {})
    await settled()
    await expect(enter('flood', 60_000)).rejects.toMatchObject({ code: 'over_capacity' })
    const waits = enter('other', 60_000)
    await expect(Promise.race([waits, settled().then(() => 'waits')])).resolves.toBe('waits')
    waits.catch(() => {})
  })

  it('is bounded, in total and per key, and says when to retry', async () => {
    const { enter } = queueOf({ maxQueued: 3, maxQueuedPerKey: 2 })
    await enter('a')
    await enter('a')
    void enter('a')
    void enter('a')
    await expect(enter('a')).rejects.toMatchObject({ code: 'over_capacity', retryAfterMs: 1_000 })
    void enter('b')
    await expect(enter('c')).rejects.toMatchObject({ code: 'over_capacity' })
  })

  it('refuses at once a request that would wait past its deadline, with the expected wait', async () => {
    const { enter } = await measuredQueue()
    await enter('a')
    await enter('a')
    void enter('b')
    await expect(enter('c', 5_000)).rejects.toMatchObject({
      code: 'over_capacity',
      retryAfterMs: 10_000,
    })
  })

  it('gives up at the deadline, and at the signal of its caller', async () => {
    const { clock, queue, enter } = queueOf()
    await enter('a')
    await enter('a')
    const late = enter('a', 1_000)
    const left = new AbortController()
    const gone = enter('a', 60_000, left.signal)
    const refused = [
      expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' }),
      expect(gone).rejects.toThrow('left'),
    ]
    await clock.advance(1_000)
    left.abort(new Error('left'))
    await Promise.all(refused)
    expect(queue.depth).toBe(0)
  })

  it('requeues a refused request before others of its key, and lowers the concurrency', async () => {
    const { clock, order, enter } = queueOf()
    const first = await enter('a')
    const second = await enter('b')
    const other = enter('b')
    const busy = new InferenceError('over_capacity', 'full', { retryAfterMs: 2_000 })
    const again = second.again(busy).then(() => order.push('again'))
    await settled()
    first.leave()
    await settled()
    expect(order).toEqual(['a', 'b'])
    await clock.advance(2_000)
    await again
    expect(order).toEqual(['a', 'b', 'again'])
    second.leave()
    await other
  })

  it('passes on a refusal if no slot can be expected, or no time is left', async () => {
    const busy = new InferenceError('over_capacity', 'full', { retryAfterMs: 2_000 })
    const unknown = queueOf({ slots: () => 0 })
    await expect((await unknown.enter('a')).again(busy)).rejects.toBe(busy)
    const short = queueOf()
    await expect((await short.enter('a', 1_000)).again(busy)).rejects.toBe(busy)
  })
})
