import { ERROR_TABLE, type ErrorCode, type ErrorTraits } from './error-table.ts'
import type { Progress } from './progress.ts'
import type { Verification } from './verification.ts'

/**
 * Why an attempt was made. `fallback`: the first one at a later member of a chain of models. `stall` and `slow`: concurrent
 * with one that had become silent, or too slow, mid-answer.
 */
export type AttemptReason =
  | 'first'
  | 'fallback'
  | 'retry'
  | 'hedge'
  | 'race'
  | 'quorum'
  | 'resume'
  | 'stall'
  | 'slow'

/** One try at one peer, as reported to the caller. */
export interface AttemptRecord {
  /** `provider:NAME` for one of the caller's own providers. */
  readonly peerId: string
  /** If the request names a chain of models: the one asked. */
  readonly model?: string
  readonly reason: AttemptReason
  /** From the start of the request to the start of the attempt. */
  readonly startedMs: number
  /** `superseded`: another attempt was faster, and this one was cancelled. */
  readonly outcome: 'answered' | 'superseded' | ErrorCode
  /** From the start of the attempt, dialling included, to its first visible chunk. Absent without one. */
  readonly ttftMs?: number
  readonly durationMs: number
  /** Last reported by the node. Absent if it began to answer, or reported nothing. */
  readonly progress?: Progress
  /** Completion tokens received (chunks, from an engine without ids; items, for embeddings). */
  readonly tokens: number
  /** Those of them that the caller received. */
  readonly deliveredTokens: number
  /** For a resumed answer: whether it was resumed by token ids with the same weights. */
  readonly exact?: boolean
  /**
   * For a resumed answer: what the peer continued from. `message`: a final assistant message, as known once its part has
   * ended. `text`: raw text, or a part that did not end. `start`: the caller had seen nothing, and the answer began anew.
   */
  readonly seam?: 'token-ids' | 'message' | 'text' | 'start'
  /** Peer id of the relay. Absent if the peer was reached directly. */
  readonly relay?: string
  /** Bytes through that relay, both directions. */
  readonly relayedBytes?: number
  /** `webrtc`: it went over a direct path between two NATs. */
  readonly path?: 'webrtc'
  /** Of the attempt's span, 16 hexadecimal digits, if the request is recorded as part of a trace. */
  readonly spanId?: string
  /** Reason given by the peer or the connection. */
  readonly message?: string
}

/** Details specific to a code. */
interface DetailsByCode {
  readonly context_too_long: {
    /** Tokens of the prompt as the engine counts them. */
    readonly promptTokens?: number
    /** Tokens that fit, prompt and answer together. */
    readonly contextLength?: number
  }
  readonly model_not_found: {
    /** Models served instead, by how many peers and, in a client's error, by which. */
    readonly available?: readonly {
      readonly model: string
      readonly peers: number
      readonly peerIds?: readonly string[]
    }[]
  }
  readonly partial_failure: {
    /** The inputs, choices or requests that have no answer, by index from 0. */
    readonly items?: readonly {
      readonly index: number
      readonly code: ErrorCode
      readonly message: string
    }[]
  }
  readonly verification_failed: {
    /** Result of the check, per peer that wrote a part. Never on the wire. */
    readonly verification?: Verification
  }
}

/** Details that an error of any code may have. */
interface CommonDetails {
  /** The request field at fault: OpenAI's `error.param`. With `engine_failed`: the field of an engine's answer whose shape is not known. */
  readonly param?: string
  /** For a chain of models: the failure of each member that was tried. */
  readonly members?: readonly {
    readonly model: string
    readonly code: ErrorCode
    readonly message: string
  }[]
  /** Attempts made before the failure. Never sent to a peer. */
  readonly attempts?: readonly AttemptRecord[]
}

type OwnDetails<C extends ErrorCode> = C extends keyof DetailsByCode ? DetailsByCode[C] : object

/** Structured details of an error; which fields exist depends on its code. */
export type ErrorDetails<C extends ErrorCode = ErrorCode> = CommonDetails & OwnDetails<C>

/** Optional parts of an InferenceError. */
export interface InferenceErrorOptions<C extends ErrorCode = ErrorCode> {
  /** Local cause. Logged, never sent to a peer. */
  readonly cause?: unknown
  /** Earliest time at which the same peer may be asked again. */
  readonly retryAfterMs?: number
  readonly details?: ErrorDetails<C>
}

/**
 * The error that every public API of Skein throws. Branch on `code`, never on the message.
 *
 * @example
 * import { setTimeout as wait } from 'node:timers/promises'
 * import { createClient, InferenceError } from 'skein'
 *
 * await using client = await createClient()
 * try {
 *   await client.models()
 * } catch (error) {
 *   if (InferenceError.is(error, 'over_capacity')) await wait(error.retryAfterMs ?? 1_000)
 * }
 */
export class InferenceError<C extends ErrorCode = ErrorCode> extends Error {
  static override readonly name: string = 'InferenceError'
  override readonly name: string = 'InferenceError'
  readonly code: C
  readonly retryAfterMs: number | undefined
  readonly details: ErrorDetails<C>

  constructor(code: C, message: string, options: InferenceErrorOptions<C> = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.details = options.details ?? ({} as ErrorDetails<C>)
  }

  get traits(): ErrorTraits {
    return ERROR_TABLE[this.code]
  }

  /** The details if the error has this code; empty otherwise. */
  detailsOf<D extends C>(code: D): Partial<ErrorDetails<D>> {
    return InferenceError.is(this, code) ? this.details : {}
  }

  /** Narrows by code; without a code, checks for any InferenceError. */
  static is<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is InferenceError<C> {
    return error instanceof InferenceError && (code === undefined || error.code === code)
  }

  /** For boundaries: any thrown value as an InferenceError, `fallback` being its code if it is not one. */
  static from(error: unknown, fallback: ErrorCode = 'internal'): InferenceError {
    if (error instanceof InferenceError) return error
    const message = error instanceof Error ? error.message : String(error)
    return new InferenceError(fallback, message, { cause: error })
  }
}
