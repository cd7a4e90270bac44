import type { Progress } from '../progress.ts'
import { type KeepAlive as KeepAliveMessage, Phase } from '../skein_pb.ts'

/** `loading` is sent in thousandths. */
const LOADING_TOTAL = 1_000

export function progressToMessage(progress: Progress | undefined): {
  phase?: Phase
  done?: number
  total?: number
} {
  switch (progress?.phase) {
    case undefined:
      return {}
    case 'queued':
      return { phase: Phase.QUEUED, done: progress.ahead }
    case 'loading': {
      const { share } = progress
      if (share === undefined) return { phase: Phase.LOADING }
      const done = Math.round(Math.min(1, Math.max(0, share)) * LOADING_TOTAL)
      return { phase: Phase.LOADING, done, total: LOADING_TOTAL }
    }
    case 'prefill':
      return { phase: Phase.PREFILL, done: progress.tokens, total: progress.of }
    case 'working':
      return { phase: Phase.WORKING }
    default:
      return progress satisfies never
  }
}

/** Unknown phases of later versions decode as `working`. */
export function progressFromMessage({
  phase,
  done,
  total,
}: KeepAliveMessage): Progress | undefined {
  switch (phase) {
    case Phase.UNSPECIFIED:
      return undefined
    case Phase.QUEUED:
      return { phase: 'queued', ahead: done }
    case Phase.LOADING:
      return total === 0 || done > total
        ? { phase: 'loading' }
        : { phase: 'loading', share: done / total }
    case Phase.PREFILL:
      return done > total ? { phase: 'working' } : { phase: 'prefill', tokens: done, of: total }
    default:
      return { phase: 'working' }
  }
}
