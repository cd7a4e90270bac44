import type { InferenceRequest, Resume } from '../../protocol/index.ts'

/** A fault, and after how many tokens of this attempt it occurs. `afterTokens` defaults to 0: before the first one. */
export type Fault =
  /** Throws the value: an InferenceError with the code under test, or anything else. */
  | { readonly type: 'throw'; readonly error: unknown; readonly afterTokens?: number }
  /** Yields nothing more until the signal fires. */
  | { readonly type: 'stall'; readonly afterTokens?: number }
  /** Ends without finish reason and `done`. */
  | { readonly type: 'end'; readonly afterTokens?: number }
  /** Yields a chunk whose JSON is not an OpenAI chunk, then continues. */
  | { readonly type: 'garbage'; readonly afterTokens?: number }

/** How the engine treats one request. Omitted fields keep the normal behaviour. */
export interface Script {
  /** The whole answer, for any request. */
  readonly answer?: string
  /** Reasoning before the answer (chat only). */
  readonly reasoning?: string
  /** Tool calls after the answer, or in place of it if none is scripted (chat only). Written token by token. */
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: string }[]
  /** Time before the first token. @default 0 */
  readonly prefillMs?: number
  /** Time before every further token. @default the backend's `paceMs` */
  readonly paceMs?: number
  /** Awaited before the first token: the test decides when the answer starts. */
  readonly gate?: Promise<void>
  readonly fault?: Fault
}

/** One request as the engine saw it. */
export interface ScriptedCall {
  readonly request: InferenceRequest
  readonly resume: Resume | undefined
  readonly cacheGroup: string | undefined
  /** Tokens generated so far. Final once the engine has stopped. */
  readonly tokens: number
  readonly outcome: 'running' | 'done' | 'failed' | 'aborted'
}
