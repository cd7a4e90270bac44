import { describe, expect, it } from 'vitest'
import { type Path, pathFailure } from '../../../../client/attempt/path.ts'
import { type ErrorCode, InferenceError } from '../../../../protocol/index.ts'

const direct: Path = { isOpen: () => false }
const relayed = (open: boolean): Path => ({ relay: '12D3KooRelay', isOpen: () => open })
const codeOf = (code: ErrorCode, path: Path | undefined): ErrorCode =>
  pathFailure(new InferenceError(code, 'it broke'), path).code

describe('a stream that breaks', () => {
  it('is a failure of the path if it went through a relay that is gone', () => {
    expect(codeOf('truncated', relayed(false))).toBe('path_lost')
    expect(codeOf('stream_reset', relayed(false))).toBe('path_lost')
    const error = pathFailure(new InferenceError('truncated', 'it broke'), relayed(false))
    expect(error.traits.blame).toBe('none')
    expect(error.message).toContain('12D3KooRelay')
  })

  it('is a failure of the path if a relay cut one stream and keeps running', () => {
    expect(codeOf('truncated', relayed(true))).toBe('path_lost')
  })

  it('is a failure of the peer if it reset the stream over a path that stays open', () => {
    expect(codeOf('stream_reset', relayed(true))).toBe('stream_reset')
  })

  it('is a failure of the peer if it was reached directly or the path is unknown', () => {
    for (const path of [direct, undefined]) {
      expect(codeOf('truncated', path)).toBe('truncated')
      expect(codeOf('stream_reset', path)).toBe('stream_reset')
    }
  })

  it('keeps its code if the peer stalls or sends something malformed over a relay', () => {
    for (const code of ['stalled', 'malformed', 'engine_failed'] as const) {
      expect(codeOf(code, relayed(false))).toBe(code)
    }
  })
})
