import { DEFAULT_BOOTSTRAP } from '../host/index.ts'
import { type ErrorCode, InferenceError, messageWithModels, plainLine } from '../protocol/index.ts'
import { type DiskFault, diskFaultOf } from '../storage/index.ts'
import { type AgreementOptions, quorumAdvice } from './quorum-advice.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** Typed options that advice depends on: it never recommends an option that is already set. */
export interface TypedOptions extends AgreementOptions {
  readonly bootstrap?: readonly string[]
  readonly invite?: string
  /** Seconds. */
  readonly timeout?: number
  /** Replaces the advice for a prompt that is too long. */
  readonly contextAdvice?: string
}

/** Reports a failure: an error event, or one line and what to do next. */
export function reportError(
  terminal: Terminal,
  error: unknown,
  commandName: string,
  typed: TypedOptions = {},
): void {
  const code = codeOf(error)
  const message = plainLine(messageOf(error))
  terminal.emit({ event: 'error', code, message, ...detailsOf(error) } as { event: 'error' })
  if (terminal.json) return
  const advice =
    error instanceof InferenceError
      ? adviceFor(error, commandName, typed)
      : diskAdvice(systemFaultOf(error))
  terminal.log(`skein: ${message}`, {
    level: 'error',
    code,
    ...(advice !== undefined && { advice }),
  })
}

/** An error of the system names the path; its own text only has a code and a call. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof InferenceError) return messageWithModels(error)
  const { path } = error as { readonly path?: unknown }
  const fault = systemFaultOf(error)
  if (fault === undefined) return error.message
  return typeof path === 'string' ? `cannot use ${path}: ${fault.reason}` : fault.reason
}

/** Typed errors have a text of their own. */
function systemFaultOf(error: unknown): DiskFault | undefined {
  const isTyped = error instanceof InferenceError || error instanceof UsageError
  return isTyped ? undefined : diskFaultOf(error)
}

function diskAdvice(fault: DiskFault | undefined): string | undefined {
  switch (fault?.code) {
    case undefined:
      return undefined
    case 'EMFILE':
    case 'ENFILE':
      return 'Raise the limit on open files (ulimit -n), or close other programs.'
    case 'ENOMEM':
      return 'Close other programs, or use a smaller model.'
    default:
      return 'Name another data directory with --data-dir, or for all commands with XDG_DATA_HOME.'
  }
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
export function noPeersAdvice(
  commandName: string,
  compiledIn: readonly string[],
  { bootstrap, invite }: Pick<TypedOptions, 'bootstrap' | 'invite'> = {},
): string {
  if (bootstrap !== undefined || invite !== undefined) {
    const option = invite === undefined ? '--bootstrap' : '--invite'
    return `Start a node with \`${commandName} node\` and this ${option}; \`${commandName} doctor\` with it finds the cause.`
  }
  const first =
    compiledIn.length === 0
      ? `There is no public swarm yet. Start one with \`${commandName} node\`, or name`
      : 'Check the connection to the Internet, or name'
  return `${first} a peer to join through with --bootstrap. \`${commandName} doctor\` finds the cause.`
}

/** Advice for a person, if there is any. */
function adviceFor(
  error: InferenceError,
  commandName: string,
  typed: TypedOptions,
): string | undefined {
  const { code, details } = error
  switch (code) {
    case 'no_peers':
      return noPeersAdvice(commandName, DEFAULT_BOOTSTRAP, typed)
    case 'model_not_found':
      return `\`${commandName} models\` lists the models that are served.`
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
      return 'These nodes do not serve this client. Ask their operators for access.'
    case 'dial_failed':
    case 'path_lost':
    case 'stream_reset':
    case 'stalled':
    case 'truncated':
    case 'malformed':
    case 'engine_failed':
      // The local engine and downloads use the same codes.
      if (details.attempts === undefined) return undefined
      return `\`${commandName} peers\` lists the known nodes; \`${commandName} doctor\` finds the cause.`
    case 'quorum_not_reached':
      return quorumAdvice(details.attempts ?? [], typed)
    case 'partial_failure':
      return 'The missing part can be requested again by itself.'
    case 'not_resumable':
      return 'The answer broke off, and no other peer could continue it. Ask again.'
    case 'verification_failed':
      return error.detailsOf('verification_failed').verification?.status === 'unverified'
        ? 'With --verify always the answer is shown anyway, marked as not verified.'
        : undefined
    case 'invalid_request':
    case 'cancelled':
    case 'internal':
      return undefined
    default:
      return code satisfies never
  }
}
