import { describe, expect, it } from 'vitest'
import { openedLater, startingWith, type Tap, tapped } from '../../../timing/index.ts'

/** Two numbers, and what was done with their source. */
function numbers(failure?: Error) {
  const log: string[] = []
  async function* source(): AsyncGenerator<number, void, void> {
    try {
      yield 1
      if (failure !== undefined) throw failure
      yield 2
    } finally {
      log.push('closed')
    }
  }
  const tap = {
    value: (value: number) => void log.push(`value ${value}`),
    complete: () => void log.push('complete'),
    failed: (error: unknown) => {
      log.push('failed')
      return new Error('mapped', { cause: error })
    },
    ended: () => void log.push('ended'),
  }
  return { log, tap, stream: tapped(source(), tap), source }
}

async function read<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}

describe('a tapped stream', () => {
  it('passes each value on after it was looked at, and ends once', async () => {
    const { log, stream } = numbers()
    expect(await read(stream)).toEqual([1, 2])
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    await stream.return()
    expect(log).toEqual(['value 1', 'value 2', 'closed', 'complete', 'ended'])
  })

  it('fails with the mapped error, and is over then', async () => {
    const failure = new Error('broken')
    const { log, stream } = numbers(failure)
    await expect(read(stream)).rejects.toMatchObject({ message: 'mapped', cause: failure })
    expect(await stream.next()).toMatchObject({ done: true })
    expect(log).toEqual(['value 1', 'closed', 'failed', 'ended'])
  })

  it('closes its source when the reader leaves', async () => {
    const { log, stream } = numbers()
    for await (const _ of stream) break
    expect(log).toEqual(['value 1', 'closed', 'ended'])
  })

  it('closes its source when a value is refused', async () => {
    const { log, source, tap } = numbers()
    const refused = new Error('refused')
    const stream = tapped(source(), {
      ...tap,
      value: () => {
        throw refused
      },
    })
    await expect(stream.next()).rejects.toMatchObject({ cause: refused })
    expect(log).toEqual(['closed', 'failed', 'ended'])
  })
})

describe('a stream that is tapped several times', () => {
  /** Taps by name that log what they see. */
  function taps() {
    const log: string[] = []
    const tap = (name: string, more: Partial<Tap<number>> = {}): Tap<number> => ({
      value: (value) => void log.push(`${name} ${value}`),
      complete: () => void log.push(`${name} complete`),
      failed: (error) => {
        log.push(`${name} failed`)
        return new Error(name, { cause: error })
      },
      ended: () => void log.push(`${name} ended`),
      ...more,
    })
    return { log, tap }
  }
  /** An inner tap, a stream that opens what it taps, and an outer tap. */
  const nested = (source: AsyncIterator<number>, inner: Tap<number>, outer: Tap<number>) =>
    tapped(
      openedLater(async () => tapped(source, inner)),
      outer,
    )
  const refused = (): never => {
    throw new Error('refused')
  }

  it('passes each value to all of them, the innermost first, and ends each after it was complete', async () => {
    const { log, tap } = taps()
    const stream = nested(numbers().source(), tap('inner'), tap('outer'))
    expect(await read(stream)).toEqual([1, 2])
    expect(log).toEqual([
      ...['inner 1', 'outer 1', 'inner 2', 'outer 2'],
      ...['inner complete', 'inner ended', 'outer complete', 'outer ended'],
    ])
  })

  it('gives the error of each to the next', async () => {
    const { log, tap } = taps()
    const failure = new Error('broken')
    const stream = nested(numbers(failure).source(), tap('inner'), tap('outer'))
    const cause = { message: 'inner', cause: failure }
    await expect(read(stream)).rejects.toMatchObject({ message: 'outer', cause })
    const ends = ['inner failed', 'inner ended', 'outer failed', 'outer ended']
    expect(log).toEqual(['inner 1', 'outer 1', ...ends])
  })

  it('is left by those within when an outer one refuses a value', async () => {
    const { log, tap } = taps()
    const { source, log: closed } = numbers()
    const stream = nested(source(), tap('inner'), tap('outer', { value: refused }))
    await expect(stream.next()).rejects.toMatchObject({ message: 'outer' })
    expect(closed).toEqual(['closed'])
    expect(log).toEqual(['inner 1', 'inner ended', 'outer failed', 'outer ended'])
    expect(await stream.next()).toMatchObject({ done: true })
  })

  it('fails for those around one that refuses the end', async () => {
    const { log, tap } = taps()
    const middle = tap('middle', { complete: refused, value: () => {} })
    const stream = tapped(nested(numbers().source(), tap('inner'), middle), tap('outer'))
    await expect(read(stream)).rejects.toMatchObject({ message: 'outer' })
    expect(log.slice(4)).toEqual([
      ...['inner complete', 'inner ended', 'middle failed', 'middle ended'],
      ...['outer failed', 'outer ended'],
    ])
  })

  it('ends all of them when its reader leaves, also before it is open', async () => {
    const { log, tap } = taps()
    const { source, log: closed } = numbers()
    const opening = Promise.withResolvers<AsyncIterator<number>>()
    const stream = tapped(
      openedLater(() => opening.promise),
      tap('outer'),
    )
    const first = stream.next()
    const left = stream.return()
    opening.resolve(tapped(source(), tap('inner')))
    await Promise.all([first, left])
    expect(closed).toEqual(['closed'])
    expect(log.slice(-2)).toEqual(['inner ended', 'outer ended'])
  })

  it('has a first value pass its taps before it is opened', async () => {
    const { log, tap } = taps()
    const inner = tapped(
      startingWith(0, () => tapped(numbers().source(), tap('opened'))),
      tap('inner'),
    )
    const stream = tapped(
      openedLater(() => inner),
      tap('outer'),
    )
    expect(await stream.next()).toEqual({ done: false, value: 0 })
    expect(log).toEqual(['inner 0', 'outer 0'])
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    expect(log.slice(2)).toEqual(['opened 1', 'inner 1', 'outer 1'])
  })

  it('keeps the taps of a stream apart from those of its reader once it was read', async () => {
    const { log, tap } = taps()
    const { stream } = numbers()
    await stream.next()
    expect(await read(tapped(stream, tap('late')))).toEqual([2])
    expect(log).toEqual(['late 2', 'late complete', 'late ended'])
  })
})

describe('a stream that is opened later', () => {
  it('is opened by its first read, once', async () => {
    let opened = 0
    const stream = openedLater(() => {
      opened += 1
      return numbers().stream
    })
    expect(opened).toBe(0)
    expect(await read(stream)).toEqual([1, 2])
    expect(opened).toBe(1)
  })

  it('is never opened for a reader that left', async () => {
    const stream = openedLater<number>(() => {
      throw new Error('opened')
    })
    await stream.return()
    expect(await stream.next()).toMatchObject({ done: true })
  })

  it('fails as opening fails', async () => {
    const stream = openedLater<number>(() => {
      throw new Error('not opened')
    })
    await expect(stream.next()).rejects.toThrow('not opened')
    expect(await stream.next()).toMatchObject({ done: true })
  })

  it('may begin with a value that is there before it', async () => {
    const { log, stream } = numbers()
    const whole = startingWith(0, () => stream)
    expect(await whole.next()).toEqual({ done: false, value: 0 })
    expect(log).toEqual([])
    expect(await read(whole)).toEqual([1, 2])
  })
})

it('taps each have their end, also after one that throws at its own', async () => {
  const log: string[] = []
  const fails: Tap<number> = {
    ended: () => {
      throw new Error('no end')
    },
  }
  const outer: Tap<number> = {
    failed: (error) => {
      log.push('failed')
      return error
    },
    ended: () => void log.push('ended'),
  }
  await expect(read(tapped(tapped(numbers().source(), fails), outer))).rejects.toThrow('no end')
  expect(log.splice(0)).toEqual(['failed', 'ended'])
  const left = tapped(tapped(numbers().source(), fails), outer)
  await left.next()
  await expect(left.return()).rejects.toThrow('no end')
  expect(log).toEqual(['ended'])
})
