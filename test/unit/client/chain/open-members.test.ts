import { describe, expect, it } from 'vitest'
import { OpenMembers, type SwarmSource } from '../../../../client/chain/open-members.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'

type Acquaintance = 'heard' | 'met'

/** A swarm with one node, whose list of nodes is read when the test says so. */
class FakeSwarm {
  readonly name: string
  readonly model: string
  acquaintance: Acquaintance | undefined
  lists = 0
  /** Ends the reading of the list. */
  read = Promise.withResolvers<void>()
  /** Whether its list of nodes has any. */
  isReached: boolean = true

  constructor(name: string, model: string, acquaintance?: Acquaintance) {
    this.name = name
    this.model = model
    this.acquaintance = acquaintance
  }

  get source(): SwarmSource {
    const nodes = () =>
      this.acquaintance === undefined
        ? []
        : [{ peerId: this.name, models: [{ id: this.model, aliases: [] }] }]
    const directory = {
      known: nodes,
      acquaintanceOf: () => this.acquaintance,
      enumerate: async () => {
        this.lists += 1
        await this.read.promise
        return this.isReached ? [{ peerId: 'other', models: [] }, ...nodes()] : []
      },
    }
    return { name: this.name, directory } as unknown as SwarmSource
  }
}

const JOB = {} as Parameters<OpenMembers['find']>[1]

function scene(work: FakeSwarm, ...others: readonly FakeSwarm[]) {
  const clock = new VirtualClock()
  const members = new OpenMembers({
    swarms: [work.source, ...others.map(({ source }) => source)],
    clock,
  })
  const place = async (signal = new AbortController().signal) => {
    const [found] = await members.find({ type: 'plain', model: 'llama' }, JOB, { signal })
    return found?.type === 'network' ? found.swarm : undefined
  }
  return { clock, place }
}

describe('a plain name', () => {
  it('means the default swarm’s model without a look-up, also if that was heard of only', async () => {
    for (const acquaintance of ['heard', 'met'] as const) {
      const [work, home] = [
        new FakeSwarm('work', 'llama', acquaintance),
        new FakeSwarm('home', 'llama', 'met'),
      ]
      expect(await scene(work, home).place()).toBe('work')
      expect([work.lists, home.lists]).toEqual([0, 0])
    }
  })

  it.each(['has no nodes', 'cannot be read'])(
    'stays in the default swarm if its list of nodes %s',
    async (list) => {
      const [work, home] = [new FakeSwarm('work', 'x'), new FakeSwarm('home', 'llama', 'met')]
      work.isReached = false
      if (list === 'has no nodes') work.read.resolve()
      else work.read.reject(new Error('not reached'))
      home.read.resolve()
      const { clock, place } = scene(work, home)
      expect(await place()).toBe('work')
      expect(await place()).toBe('work')
      expect(work.lists).toBe(1)
      await clock.advance(10_000)
      expect(await place()).toBe('work')
      expect(work.lists).toBe(2)
    },
  )

  it('means the only other swarm’s model after the default’s list was read, for a while', async () => {
    const [work, home] = [new FakeSwarm('work', 'x', 'met'), new FakeSwarm('home', 'llama', 'met')]
    work.read.resolve()
    home.read.resolve()
    const { clock, place } = scene(work, home)
    expect(await place()).toBe('home')
    work.isReached = false
    await clock.advance(59_000)
    expect(await place()).toBe('home')
    expect(work.lists).toBe(1)
    await clock.advance(1_000)
    expect(await place()).toBe('work')
  })

  it('is not taken for one that another swarm was only heard to serve', async () => {
    const [work, home] = [
      new FakeSwarm('work', 'x', 'met'),
      new FakeSwarm('home', 'llama', 'heard'),
    ]
    work.read.resolve()
    home.read.resolve()
    expect(await scene(work, home).place()).toBe('work')
  })

  it('is refused if several other swarms serve it', async () => {
    const [work, home, club] = [
      new FakeSwarm('work', 'x', 'met'),
      new FakeSwarm('home', 'llama', 'met'),
      new FakeSwarm('club', 'llama', 'met'),
    ]
    for (const { read } of [work, home, club]) read.resolve()
    await expect(scene(work, home, club).place()).rejects.toThrow('home/llama, club/llama')
  })

  it('waits for the search that another request has begun, and does not end it when given up', async () => {
    const [work, home] = [new FakeSwarm('work', 'x', 'met'), new FakeSwarm('home', 'llama')]
    const { place } = scene(work, home)
    const givenUp = new AbortController()
    const first = place(givenUp.signal)
    const others = [place(), place()]
    givenUp.abort(new Error('given up'))
    await expect(first).rejects.toThrow('given up')
    home.acquaintance = 'met'
    work.read.resolve()
    home.read.resolve()
    expect(await Promise.all(others)).toEqual(['home', 'home'])
    expect(work.lists).toBe(1)
  })
})
