import type { Capability } from '../../protocol/index.ts'
import type { EngineHttpInit } from '../http/index.ts'
import type { ContinueBy } from './declared-continuation.ts'

/** How to reach an engine or a cloud that speaks the OpenAI API, and what to offer of it. */
export interface OpenAiBackendInit extends Omit<EngineHttpInit, 'baseUrl'> {
  /** With or without `/v1` at the end. */
  readonly baseUrl: string
  /** Offer these only, by the engine's name or by id. @default all that the engine lists */
  readonly models?: readonly string[]
  /**
   * Skip detection: assume that the server has `models` (any model if none are named) and accepts everything that
   * OpenAI defines. Its paths then begin at the path of `baseUrl`, or at `/v1` if it has no path.
   * @default false
   */
  readonly assumed?: boolean
  /** Model ids to show in place of the engine's names. */
  readonly names?: Readonly<Record<string, string>>
  /** Requests at a time. @default as the engine reports, else by its kind */
  readonly slots?: number
  /** Capabilities beyond those that the adapter detects, e.g. `tools` at a vLLM started for them. */
  readonly capabilities?: readonly Capability[]
  /** Capabilities, overriding detection. @default as detected */
  readonly exactCapabilities?: readonly Capability[] | undefined
  /** How an API continues an answer; engines that are tried ignore it. @default as its documentation says, for APIs known to Skein */
  readonly continues?: ContinueBy | undefined
  /** Digest of the weights in a file or folder that the engine names. @default none: the models have no digest */
  readonly digestOf?: (path: string) => Promise<string | undefined>
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
}
