import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Part, WorkQueue } from '../../../../client/split/work-queue.ts'
import { InferenceError } from '../../../../protocol/index.ts'

const failure = (code: 'dial_failed' | 'invalid_request' | 'over_capacity') =>
  new InferenceError(code, 'scripted')

function queueOf(count: number, init: Partial<ConstructorParameters<typeof WorkQueue>[0]> = {}) {
  const queue = new WorkQueue({
    slots: () => 2,
    maxTries: 3,
    copies: false,
    random: () => 0.5,
    ...init,
  })
  queue.add(Array.from({ length: count }, (_, item) => item))
  queue.close()
  return queue
}

function begin(queue: WorkQueue, nowMs = 0): Part[] {
  const parts: Part[] = []
  for (let part = queue.next(nowMs); part !== undefined; part = queue.next(nowMs)) parts.push(part)
  return parts
}

describe('the queue of parts', () => {
  it('gives each item exactly one result, whatever fails, overtakes or is refused', () => {
    const fates = fc.constantFrom(
      'ok',
      'ok',
      'ok',
      'dial_failed',
      'over_capacity',
      'shown' as const,
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fates, { minLength: 40, maxLength: 400 }),
        fc.integer({ min: 1, max: 9 }),
        (count, script, shard) => {
          const queue = queueOf(count, { copies: true, take: () => shard })
          const running = new Map<number, Part>()
          const results: number[] = []
          let nowMs = 0
          let step = 0
          while (!queue.done && step < 20_000) {
            for (const part of begin(queue, nowMs)) running.set(part.id, part)
            const [oldest] = running.values()
            const fate = script[step++ % script.length] ?? 'ok'
            // After a while everything succeeds, so that it ends.
            const isOk = fate === 'ok' || step > 2_000
            nowMs += 1 + (step % 7) * 100
            if (oldest === undefined) continue
            running.delete(oldest.id)
            const settled = isOk
              ? queue.succeeded(oldest.id, nowMs)
              : queue.failed(
                  oldest.id,
                  failure(fate === 'shown' ? 'dial_failed' : fate),
                  nowMs,
                  fate === 'shown',
                )
            if (settled.cancel !== undefined) running.delete(settled.cancel)
            results.push(...settled.items)
          }
          expect(results.toSorted((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, item) => item),
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  it('runs twice as many parts as there are slots', () => {
    expect(begin(queueOf(20, { slots: () => 3 }))).toHaveLength(6)
  })

  it('does not count a refusal as a failure of the item, and retries it later', () => {
    const queue = queueOf(1)
    for (let round = 0; round < 20; round++) {
      const wakeAtMs = queue.wakeAtMs() ?? 0
      if (round > 0) expect(queue.next(wakeAtMs - 1)).toBeUndefined()
      const part = queue.next(wakeAtMs)
      expect(queue.failed(part?.id ?? -1, failure('over_capacity'), wakeAtMs).items).toEqual([])
    }
    expect(queue.done).toBe(false)
  })

  it('waits as long as the peers ask for', () => {
    const queue = queueOf(1)
    const error = new InferenceError('over_capacity', 'full', { retryAfterMs: 7_000 })
    queue.failed(queue.next(0)?.id ?? -1, error, 1_000)
    expect(queue.wakeAtMs()).toBe(8_000)
  })

  it('fails an item after `maxTries` failures as a single item', () => {
    const queue = queueOf(1)
    const results = [0, 60_000, 120_000].map((nowMs) => {
      return queue.failed(queue.next(nowMs)?.id ?? -1, failure('dial_failed'), nowMs).items
    })
    expect(results).toEqual([[], [], [0]])
    expect(queue.done).toBe(true)
  })

  it('fails at once without peers, in a batch after a while', () => {
    const noPeers = new InferenceError('no_peers', 'no peers')
    const queue = queueOf(1)
    expect(queue.failed(queue.next(0)?.id ?? -1, noPeers, 0).items).toEqual([0])
    const patient = queueOf(1, { maxAbsences: 8 })
    const waits: number[] = []
    let nowMs = 0
    for (let result: readonly number[] = []; result.length === 0; ) {
      result = patient.failed(patient.next(nowMs)?.id ?? -1, noPeers, nowMs).items
      waits.push((patient.wakeAtMs() ?? nowMs) - nowMs)
      nowMs = patient.wakeAtMs() ?? nowMs
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 0])
  })

  it('retries the items of a failed shard one by one, so that one bad item does not fail the others', () => {
    const queue = queueOf(4, { take: () => 4 })
    const [shard] = begin(queue)
    expect(queue.failed(shard?.id ?? -1, failure('invalid_request'), 0).items).toEqual([])
    const single = begin(queue)
    expect(single.map(({ items }) => items)).toEqual([[0], [1], [2], [3]])
    expect(queue.failed(single[2]?.id ?? -1, failure('invalid_request'), 0).items).toEqual([2])
  })

  it('copies a straggler once nothing else is left to start, and takes the faster copy', () => {
    const queue = queueOf(8, { copies: true, slots: () => 4 })
    const parts = begin(queue)
    for (const part of parts.slice(1)) queue.succeeded(part.id, 100)
    expect(begin(queue, 200)).toEqual([])
    const at = queue.wakeAtMs() ?? 0
    expect(at).toBeGreaterThan(250)
    const [copy] = begin(queue, at)
    expect(copy).toMatchObject({ items: [0], copyOf: parts[0]?.id })
    expect(begin(queue, at + 60_000)).toEqual([])
    const settled = queue.succeeded(copy?.id ?? -1, at + 50)
    expect(settled).toEqual({ items: [0], cancel: parts[0]?.id })
    expect(queue.done).toBe(true)
  })

  it('loses nothing when either copy fails', () => {
    const queue = queueOf(8, { copies: true, slots: () => 4 })
    const parts = begin(queue)
    for (const part of parts.slice(1)) queue.succeeded(part.id, 100)
    const [copy] = begin(queue, 10_000)
    expect(queue.failed(parts[0]?.id ?? -1, failure('dial_failed'), 10_001).items).toEqual([])
    expect(queue.succeeded(copy?.id ?? -1, 10_002)).toEqual({ items: [0] })
  })
})
