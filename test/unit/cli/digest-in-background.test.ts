import { describe, expect, it } from 'vitest'
import { digestsInBackground } from '../../../cli/engine/digest-in-background.ts'

describe('digests in the background', () => {
  it('are there at once where they take no time', async () => {
    const digestOf = digestsInBackground(async (path) => `of ${path}`)
    expect(await digestOf('a')).toBe('of a')
  })

  it('are not waited for where they take long, worked out once, and there later', async () => {
    const reading = Promise.withResolvers<string>()
    let readings = 0
    const digestOf = digestsInBackground(() => {
      readings += 1
      return reading.promise
    }, 1)
    expect(await digestOf('a')).toBeUndefined()
    expect(await digestOf('a')).toBeUndefined()
    reading.resolve('of a')
    expect(await digestOf('a')).toBe('of a')
    expect(readings).toBe(1)
  })

  it('are undefined for what cannot be read, and tried again', async () => {
    let readings = 0
    const digestOf = digestsInBackground(async () => {
      readings += 1
      if (readings === 1) throw new Error('not yet')
      return 'there'
    })
    expect(await digestOf('a')).toBeUndefined()
    expect(await digestOf('a')).toBe('there')
  })
})
