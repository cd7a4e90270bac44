import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERROR_TABLE, InferenceError } from '../../../protocol/index.ts'

describe('errors', () => {
  it('match their documentation', () => {
    const page = readFileSync(new URL('../../../docs/wire-protocol.md', import.meta.url), 'utf8')
    const yes = (value: boolean): string => (value ? 'yes' : 'no')
    for (const [code, traits] of Object.entries(ERROR_TABLE)) {
      const { kind, blame, retryElsewhere, retrySamePeer, status, fromPeer } = traits
      const retry = `${yes(retryElsewhere)} | ${yes(retrySamePeer)}`
      expect(page).toContain(
        `| \`${code}\` | ${kind} | ${blame} | ${retry} | ${status} | ${yes(fromPeer)} |`,
      )
    }
  })

  it('at a boundary keep their code, and others get one', () => {
    const typed = new InferenceError('stalled', 'silent')
    expect(InferenceError.from(typed)).toBe(typed)
    const cause = new TypeError('bug')
    expect(InferenceError.from(cause)).toMatchObject({ code: 'internal', message: 'bug', cause })
    expect(InferenceError.from('text', 'engine_failed')).toMatchObject({ code: 'engine_failed' })
  })

  it('narrow by code', () => {
    const error: unknown = new InferenceError('stalled', '')
    expect(InferenceError.is(error)).toBe(true)
    expect(InferenceError.is(error, 'stalled')).toBe(true)
    expect(InferenceError.is(error, 'malformed')).toBe(false)
    expect(InferenceError.is(new Error('stalled'))).toBe(false)
  })
})
