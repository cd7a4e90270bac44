import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteQueue } from '../../../protocol/byte-queue.ts'

const steps = fc.array(
  fc.oneof(
    fc.record({ push: fc.uint8Array({ maxLength: 20 }) }),
    fc.record({ take: fc.nat({ max: 30 }) }),
    fc.record({ skip: fc.nat({ max: 30 }) }),
  ),
  { maxLength: 60 },
)

describe('a queue of bytes', () => {
  it('returns what was pushed in its order, however it is cut', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new ByteQueue()
        let kept: number[] = []
        for (const step of all) {
          if ('push' in step) {
            queue.push(step.push)
            kept.push(...step.push)
          } else {
            const count = Math.min('take' in step ? step.take : step.skip, kept.length)
            if ('take' in step) expect([...queue.take(count)]).toEqual(kept.slice(0, count))
            else queue.skip(count)
            kept = kept.slice(count)
          }
          expect(queue.byteLength).toBe(kept.length)
          expect(Array.from({ length: kept.length + 1 }, (_, at) => queue.at(at))).toEqual([
            ...kept,
            undefined,
          ])
        }
      }),
    )
  })

  it('does not copy what came in one part', () => {
    const queue = new ByteQueue()
    const part = Uint8Array.of(1, 2, 3, 4)
    queue.push(part)
    queue.skip(1)
    const taken = queue.take(2)
    expect([taken.buffer === part.buffer, ...taken]).toEqual([true, 2, 3])
  })
})
