import { describe, expect, it } from 'vitest'
import { OpenParts } from '../../../../client/request/open-parts.ts'

const failing = (message: string) => () => Promise.reject(new Error(message))

describe('open parts', () => {
  it('close in reverse order, once', async () => {
    const closed: string[] = []
    const parts = new OpenParts()
    parts.defer(() => closed.push('first'))
    parts.use({ [Symbol.asyncDispose]: async () => void closed.push('second') })
    expect(parts.use(undefined)).toBeUndefined()
    await parts[Symbol.asyncDispose]()
    await parts[Symbol.asyncDispose]()
    expect(closed).toEqual(['second', 'first'])
  })

  it('close all even if one fails, and report it', async () => {
    const closed: string[] = []
    const parts = new OpenParts()
    parts.defer(() => closed.push('first'))
    parts.defer(failing('stuck'))
    await expect(parts[Symbol.asyncDispose]()).rejects.toThrow('stuck')
    expect(closed).toEqual(['first'])
    parts.defer(failing('one'))
    parts.defer(failing('two'))
    await expect(parts[Symbol.asyncDispose]()).rejects.toMatchObject({
      errors: [{ message: 'two' }, { message: 'one' }],
    })
  })

  it('stay open once released', async () => {
    let closed = false
    {
      await using parts = new OpenParts()
      parts.defer(() => {
        closed = true
      })
      parts.release()
    }
    expect(closed).toBe(false)
  })
})
