import { describe, expect, it } from 'vitest'
import { AuditQueue } from '../../../../../client/trust/audit/audit-queue.ts'

/** Audits that end when the test says. */
function queueOf() {
  const queue = new AuditQueue()
  const begun: string[] = []
  const leftOut: string[] = []
  const ends = new Map<string, () => void>()
  const priorities = new Map<string, number>()
  return {
    ...{ begun, leftOut, priorities },
    add(name: string, priority: number) {
      priorities.set(name, priority)
      const { promise, resolve } = Promise.withResolvers<void>()
      ends.set(name, resolve)
      queue.add({
        priority: () => priorities.get(name) ?? 0,
        run: () => {
          begun.push(name)
          return promise
        },
        onDropped: () => leftOut.push(name),
      })
    },
    async end(name: string) {
      ends.get(name)?.()
      for (let n = 0; n < 8; n += 1) await Promise.resolve()
    },
  }
}

const FULL = ['a', 'b', 'c', 'd']

describe('AuditQueue', () => {
  it('runs four at a time, and the others in turn', async () => {
    const queue = queueOf()
    for (const name of [...FULL, 'e', 'f']) queue.add(name, 1)
    expect(queue.begun).toEqual(FULL)
    await queue.end('b')
    expect(queue.begun).toEqual([...FULL, 'e'])
    await queue.end('a')
    expect(queue.begun).toEqual([...FULL, 'e', 'f'])
  })

  it('takes the highest priority first, evaluated when a place becomes free', async () => {
    const queue = queueOf()
    for (const name of FULL) queue.add(name, 1)
    queue.add('known', 0.05)
    queue.add('was new', 1)
    queue.add('new', 1)
    queue.priorities.set('was new', 0.1)
    await queue.end('a')
    await queue.end('b')
    await queue.end('c')
    expect(queue.begun.slice(4)).toEqual(['new', 'was new', 'known'])
  })

  it('drops the lowest priority when it is full', () => {
    const queue = queueOf()
    for (const name of FULL) queue.add(name, 1)
    for (let n = 0; n < 64; n += 1) queue.add(`${n}`, n === 10 ? 0.05 : 0.5)
    expect(queue.leftOut).toEqual([])
    queue.add('new', 1)
    queue.add('known', 0.05)
    queue.add('equal', 0.5)
    expect(queue.leftOut).toEqual(['10', 'known', 'equal'])
  })
})
