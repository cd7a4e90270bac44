import { describe, expect, it } from 'vitest'
import { KeptStreams } from '../../../node/serve/index.ts'

type Wait = Parameters<KeptStreams['wait']>

/** Streams that can wait before one is refused. */
function fill(kept: KeptStreams, callerOf: (n: number) => Wait[0], what: Wait[1]): number {
  for (let n = 0; ; n += 1) if (kept.wait(callerOf(n), what) === undefined) return n
}

describe('streams that wait', () => {
  it('idle ones leave new ones their room', () => {
    const kept = new KeptStreams()
    const idle = fill(kept, (n) => ({ peer: `peer ${n}`, network: `${n}` }), 'next')
    expect(kept.size).toBe(idle)
    expect(kept.wait({ peer: 'new', network: 'new' }, 'next')).toBeUndefined()
    expect(kept.wait({ peer: 'new', network: 'new' }, 'first')).toBeDefined()
  })

  it('of one network leave room for others, whatever the names of its peers', () => {
    const kept = new KeptStreams()
    fill(kept, (n) => ({ peer: `peer ${n}`, network: 'one' }), 'first')
    expect(kept.wait({ peer: 'new', network: 'one' }, 'first')).toBeUndefined()
    expect(kept.wait({ peer: 'new', network: 'other' }, 'first')).toBeDefined()
  })

  it('of a network leave room for its peers that hold few', () => {
    const kept = new KeptStreams()
    for (const peer of ['one', 'two', 'three']) fill(kept, () => ({ peer, network: 'n' }), 'first')
    expect(kept.wait({ peer: 'three', network: 'n' }, 'first')).toBeUndefined()
    expect(kept.wait({ peer: 'new', network: 'n' }, 'first')).toBeDefined()
  })

  it('are counted out once', () => {
    const kept = new KeptStreams()
    const caller = { peer: 'peer', network: 'one' }
    const place = kept.wait(caller, 'first')
    kept.wait(caller, 'first')
    place?.[Symbol.dispose]()
    place?.[Symbol.dispose]()
    expect(kept.size).toBe(1)
  })
})
