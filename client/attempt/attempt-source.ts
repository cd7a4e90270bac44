import type { PeerId } from '@libp2p/interface'
import type {
  Accepted,
  Done,
  Load,
  Progress,
  Resume,
  TraceContext,
  Usage,
} from '../../protocol/index.ts'
import type { AnswerChunk, WireRequest } from '../request/index.ts'
import type { Path } from './path.ts'
import type { WaitLimits } from './watchdog.ts'

/** One attempt to have a request answered. */
export interface AttemptInit {
  readonly peerId: PeerId
  readonly request: WireRequest
  /** Where to continue a begun answer. @default from its start */
  readonly resume?: Resume
  /** Digest of the weights that have to answer. A digest that the request pins takes precedence. @default any */
  readonly digest?: string
  readonly limits: AttemptLimits
  /** Whether no other peer could take the answer over: then a pause lasts as long as the peer reports work. @default never */
  readonly isAlone?: () => boolean
  /** The parent of a span that the peer may record. @default not sent */
  readonly trace?: TraceContext
  /** Time until the caller's deadline; read when the request is sent. */
  readonly remainingMs: () => number
  /** Called with the load that the terminal frame reports. */
  readonly onLoad?: (load: Load) => void
  /** Called with the path, and the number of bytes that took it. */
  readonly onCarried?: (path: Pick<Path, 'by' | 'relay'>, bytes: number) => void
  /** Called with a complete answer, for a receipt. */
  readonly onAnswered?: (answer: Answered) => void
}

export interface AttemptLimits extends WaitLimits {
  readonly dialTimeoutMs: number
}

/** A complete answer, as a receipt describes it. */
export interface Answered {
  readonly attemptId: Uint8Array
  readonly usage: Usage
  /** SHA-256 of the chunks' JSON, one after the other. */
  readonly answerHash: Uint8Array
  readonly durationMs: number
}

/** `accepted` comes first and once, then chunks, then `done`; progress between `accepted` and the first chunk. */
export type AttemptEvent =
  | ({ readonly type: 'accepted' } & Accepted)
  | { readonly type: 'progress'; readonly progress: Progress }
  | {
      readonly type: 'chunk'
      readonly chunk: AnswerChunk
      /** Whether the chunk holds output that the caller sees. */
      readonly visible: boolean
      readonly tokenIds: readonly number[]
      readonly logprobs: readonly number[]
    }
  | ({ readonly type: 'done' } & Done)

/**
 * Makes attempts. What arrived together is yielded together, in its order and never empty: a fast answer costs a wait for
 * each arrival, and not for each token. Every source passes `test/conformance/attempt-suite.ts`:
 *
 * - it ends after `done`, or throws: an answer without its end is `truncated`, never a short answer;
 * - events are pulled: a slow consumer slows the writer, and a consumer that stops early stops it;
 * - a wait beyond its limits is `stalled`; time that the consumer takes does not count;
 * - it throws an InferenceError, or the signal's reason once that has fired.
 */
export type AttemptSource = (
  init: AttemptInit,
  options: { readonly signal: AbortSignal },
) => AsyncGenerator<readonly AttemptEvent[], void, void>
