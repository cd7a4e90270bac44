import { describe, expect, it } from 'vitest'
import { openedLater, startingWith, tapped } from '../../../timing/index.ts'

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
