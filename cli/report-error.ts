import { DEFAULT_BOOTSTRAP } from '../host/index.ts'
import { type ErrorCode, InferenceError } from '../protocol/index.ts'
import { plainLine } from './plain-text.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** What was typed that advice depends on: nobody is told to set what is set. */
export interface TypedOptions {
  readonly temperature?: number
  /** Seconds. */
  readonly timeout?: number
  /** In place of the advice on a prompt that is too long. */
  readonly contextAdvice?: string
}

/** Tells of a failure: an error event, or one clear line and what to do next. */
export function reportError(
  terminal: Terminal,
  error: unknown,
  commandName: string,
  typed: TypedOptions = {},
): void {
  const code = codeOf(error)
  const message = plainLine(error instanceof Error ? error.message : String(error))
  terminal.emit({ event: 'error', code, message, ...detailsOf(error) } as { event: 'error' })
  if (terminal.json) return
  terminal.log(`skein: ${message}`)
  const advice = error instanceof InferenceError ? adviceFor(error, commandName, typed) : undefined
  if (advice !== undefined) terminal.log(`  ${advice}`)
}

function codeOf(error: unknown): ErrorCode | 'usage' {
  if (error instanceof UsageError) return error.code
  return error instanceof InferenceError ? error.code : 'internal'
}

function detailsOf(error: unknown): object {
  if (!(error instanceof InferenceError)) return {}
  return {
    ...error.details,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  }
}

/** @param compiledIn bootstrap peers of the public swarm */
export function noPeersAdvice(commandName: string, compiledIn: readonly string[]): string {
  const first =
    compiledIn.length === 0
      ? `There is no public swarm yet. Start one with \`${commandName} node\`, or name`
      : 'Check the connection to the Internet, or name'
  return `${first} a peer to join through with --bootstrap. \`${commandName} doctor\` finds out what is wrong.`
}

/** What a person can do about it, where there is something. */
function adviceFor(
  error: InferenceError,
  commandName: string,
  typed: TypedOptions,
): string | undefined {
  const { code, details } = error
  switch (code) {
    case 'no_peers':
      return noPeersAdvice(commandName, DEFAULT_BOOTSTRAP)
    case 'model_not_found':
      return `\`${commandName} models\` lists what is served.`
    case 'context_too_long':
      return typed.contextAdvice ?? 'Shorten the prompt, or choose a model with a longer context.'
    case 'capability_unavailable':
      return `\`${commandName} models\` shows what each model can do.`
    case 'over_capacity':
    case 'rate_limited':
    case 'loading':
    case 'draining':
    case 'budget_exhausted':
      return 'Try again in a moment.'
    case 'deadline_exceeded':
      return typed.timeout === undefined
        ? 'Give it longer with --timeout SECONDS.'
        : `Give it longer than --timeout ${typed.timeout}.`
    case 'unauthorized':
      return 'These nodes serve only peers they know. Ask whoever runs them.'
    case 'dial_failed':
    case 'path_lost':
    case 'stream_reset':
    case 'stalled':
    case 'truncated':
    case 'malformed':
    case 'engine_failed':
      // The same codes tell of this machine's own engine, and of a download.
      if (details.attempts === undefined) return undefined
      return `\`${commandName} peers\` shows who is there; \`${commandName} doctor\` finds out what is wrong.`
    case 'quorum_not_reached':
      return typed.temperature === 0
        ? 'Take one answer with --policy single, or have peers with the same weights asked: --model MODEL@sha256:… pins them.'
        : 'Ask with --temperature 0, or take one answer with --policy single.'
    case 'partial_failure':
      return 'What is missing can be asked for again by itself.'
    case 'not_resumable':
      return 'The answer broke off where nobody else could go on with it. Ask again.'
    case 'verification_failed':
      return error.detailsOf('verification_failed').verification?.status === 'unverified'
        ? 'With --verify always it is given all the same, and told as not verified.'
        : undefined
    case 'invalid_request':
    case 'cancelled':
    case 'internal':
      return undefined
    default:
      return code satisfies never
  }
}
