import { type Command, InvalidArgumentError } from 'commander'
import {
  type Policy,
  parsePolicy,
  parseResumeMode,
  parseVerifyMode,
  type RequestOptions,
  type ResumeMode,
  type VerifyMode,
} from '../client/index.ts'
import { defined } from '../protocol/index.ts'
import { addPeer } from './option-parsers.ts'
import { UsageError } from './usage-error.ts'

/** Dispatch options of the commands that send requests. */
export interface DispatchOptions {
  readonly policy?: Policy
  readonly resume?: ResumeMode
  readonly verify?: VerifyMode
  /** As it was typed; the client calls it `trusted`. */
  readonly trust?: readonly string[]
}

export function withDispatchOptions(command: Command): Command {
  return command
    .option(
      '--policy <policy>',
      'single, hedge, race:2, or quorum:2-of-3 (with --temperature 0): how many peers one answer may use (default: hedge)',
      policyFrom,
    )
    .option(
      '--resume <mode>',
      'exact, same-model, or off: which peers may continue an answer that broke off (default: same-model)',
      resumeFrom,
    )
    .option(
      '--verify <mode>',
      'off, sample, always, or required: whether other peers verify the answer; required fails if no peer can (default: sample)',
      verifyFrom,
    )
    .option('--trust <peer>', 'only these peers may see the request; repeatable', addPeer)
}

/** Request options for the typed options only. */
export function dispatchOf({ policy, resume, verify, trust }: DispatchOptions): RequestOptions {
  return {
    ...defined({ policy, resume, verify, trusted: trust }),
  }
}

/**
 * Checks options that only make sense together.
 *
 * @throws UsageError for a quorum whose members would draw different answers
 */
export function checkPolicy({
  policy,
  temperature,
  seed,
}: Pick<DispatchOptions, 'policy'> & {
  readonly temperature?: number
  readonly seed?: number
}): void {
  if (policy?.startsWith('quorum') !== true || temperature === 0 || seed !== undefined) return
  throw new UsageError(
    `--policy ${policy} compares answers, which differ by chance without --temperature 0 or --seed N: add one of them`,
  )
}

function policyFrom(text: string): Policy {
  checked(() => parsePolicy(text))
  return text as Policy
}

function resumeFrom(text: string): ResumeMode {
  return checked(() => parseResumeMode(text))
}

function verifyFrom(text: string): VerifyMode {
  return checked(() => parseVerifyMode(text))
}

function checked<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
