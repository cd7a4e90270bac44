import { describe, expect, it } from 'vitest'
import { digestsInBackground } from '../../../cli/engine/digest-in-background.ts'

describe('digests in the background', () => {
  it('are available at once if they are fast', async () => {
    const digestOf = digestsInBackground(async (path) => `of ${path}`)
    expect(await digestOf('a')).toBe('of a')
  })

  it('are computed once in the background if they are slow', async () => {
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

  it('are undefined for an unreadable file, and tried again', async () => {
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
