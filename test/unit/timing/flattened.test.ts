import { expect, it } from 'vitest'
import { flattened } from '../../../timing/index.ts'

/** Some numbers, each as often as it says. */
function repeated(values: readonly number[], failure?: Error) {
  const log: string[] = []
  async function* source(): AsyncGenerator<number, void, void> {
    try {
      yield* values
      if (failure !== undefined) throw failure
    } finally {
      log.push('closed')
    }
  }
  const parts = (value: number): number[] => {
    if (value < 0) throw new Error('negative')
    return Array<number>(value).fill(value)
  }
  return { log, stream: flattened({ source: source(), parts, rest: () => [0] }) }
}

it('gives what each value becomes, and what follows all of them', async () => {
  const { stream, log } = repeated([2, 0, 0, 3])
  expect(await Array.fromAsync(stream)).toEqual([2, 2, 3, 3, 3, 0])
  expect(await stream.next()).toEqual({ done: true, value: undefined })
  expect(log).toEqual(['closed'])
})

it('fails as its source does, after what came before', async () => {
  const { stream } = repeated([1], new Error('broken'))
  expect(await stream.next()).toEqual({ done: false, value: 1 })
  await expect(stream.next()).rejects.toThrow('broken')
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

it('leaves its source if a value becomes nothing sound', async () => {
  const { stream, log } = repeated([1, -1, 1])
  expect(await stream.next()).toEqual({ done: false, value: 1 })
  await expect(stream.next()).rejects.toThrow('negative')
  expect(log).toEqual(['closed'])
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

it('leaves its source when its reader leaves, also in the middle of what a value becomes', async () => {
  const { stream, log } = repeated([3, 1])
  for await (const value of stream) {
    expect(value).toBe(3)
    break
  }
  expect(log).toEqual(['closed'])
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})
