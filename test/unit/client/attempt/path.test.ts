import { describe, expect, it } from 'vitest'
import { type Path, pathFailure } from '../../../../client/attempt/path.ts'
import { type ErrorCode, InferenceError } from '../../../../protocol/index.ts'

const direct: Path = { isOpen: () => false }
const relayed = (open: boolean): Path => ({ relay: '12D3KooRelay', isOpen: () => open })
const codeOf = async (code: ErrorCode, path: Path | undefined): Promise<ErrorCode> =>
  (await pathFailure(new InferenceError(code, 'it broke'), path)).code

describe('a stream that breaks', () => {
  it('is a failure of the path if it went through a relay that is gone', async () => {
    expect(await codeOf('truncated', relayed(false))).toBe('path_lost')
    expect(await codeOf('stream_reset', relayed(false))).toBe('path_lost')
    const error = await pathFailure(new InferenceError('truncated', 'it broke'), relayed(false))
    expect(error.traits.blame).toBe('none')
    expect(error.message).toContain('12D3KooRelay')
  })

  it('is a failure of the path if a relay cut one stream and keeps running', async () => {
    expect(await codeOf('truncated', relayed(true))).toBe('path_lost')
  })

  it('is a failure of the peer if it reset the stream over a path that stays open', async () => {
    expect(await codeOf('stream_reset', relayed(true))).toBe('stream_reset')
  })

  it('is a failure of the peer if it was reached directly or the path is unknown', async () => {
    for (const path of [direct, undefined]) {
      expect(await codeOf('truncated', path)).toBe('truncated')
      expect(await codeOf('stream_reset', path)).toBe('stream_reset')
    }
  })

  it('is a failure of a direct path between NATs that is gone, and of the peer while it stays open', async () => {
    const gone: Path = { by: 'webrtc', isOpen: () => false }
    for (const code of ['truncated', 'stream_reset'] as const) {
      const error = await pathFailure(new InferenceError(code, 'it broke'), gone)
      expect(error.code).toBe('path_lost')
      expect(error.traits.blame).toBe('none')
      expect(error.message).toContain('direct path')
    }
    expect(await codeOf('stream_reset', { by: 'webrtc', isOpen: () => true })).toBe('stream_reset')
  })

  it('keeps its code if the peer sends something malformed, or its engine fails, over a relay', async () => {
    for (const code of ['malformed', 'engine_failed'] as const) {
      expect(await codeOf(code, relayed(false))).toBe(code)
    }
  })

  describe('by silence', () => {
    const silent = (
      answering: boolean,
      way: Pick<Path, 'relay' | 'by'> = { relay: '12D3KooRelay' },
    ): Path & { avoided: number } => {
      const path = {
        ...way,
        avoided: 0,
        isOpen: () => true,
        answers: () => Promise.resolve(answering),
        avoid: () => {
          path.avoided += 1
        },
      }
      return path
    }

    it('is a failure of the path if the peer does not answer over it, and the path is avoided', async () => {
      const path = silent(false)
      expect(await codeOf('stalled', path)).toBe('path_lost')
      expect(path.avoided).toBe(1)
    })

    it('is a failure of the peer if it still answers over the same path', async () => {
      const path = silent(true)
      expect(await codeOf('stalled', path)).toBe('stalled')
      expect(path.avoided).toBe(0)
    })

    it('is a failure of the peer if no relay is in between', async () => {
      expect(await codeOf('stalled', silent(false, {}))).toBe('stalled')
    })

    it('is a failure of a direct path between NATs as of a relayed one', async () => {
      const path = silent(false, { by: 'webrtc' })
      expect(await codeOf('stalled', path)).toBe('path_lost')
      expect(path.avoided).toBe(1)
      expect(await codeOf('stalled', silent(true, { by: 'webrtc' }))).toBe('stalled')
    })
  })
})
