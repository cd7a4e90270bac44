/** From the most to the least important. */
export const LOG_LEVELS = ['error', 'warn', 'info'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const LOG_FORMATS = ['text', 'json'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** What is known of a log line beside its message. */
export interface LogFields {
  /** @default info */
  readonly level?: LogLevel
  /** `x-request-id` of the gateway's answer. */
  readonly requestId?: string
  /** Code of the error. */
  readonly code?: string
  /** What to do about it. */
  readonly advice?: string
  /** A state that passes: not a line for later readers. */
  readonly passing?: true
}

export function rankOf(level: LogLevel): number {
  return LOG_LEVELS.indexOf(level)
}
