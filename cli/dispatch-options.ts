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
import { addPeer } from './shared-options.ts'

/** How the peers are used, for the commands that ask something. */
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
      'exact, same-model, or off: who may go on with an answer that broke off (default: same-model)',
      resumeFrom,
    )
    .option(
      '--verify <mode>',
      'off, sample, always, or required: whether others rate the answer, and whether it is given where nobody can (default: sample)',
      verifyFrom,
    )
    .option('--trust <peer>', 'only these peers may see the request; repeatable', addPeer)
}

/** What was typed, and nothing else. */
export function dispatchOf({ policy, resume, verify, trust }: DispatchOptions): RequestOptions {
  return {
    ...(policy !== undefined && { policy }),
    ...(resume !== undefined && { resume }),
    ...(verify !== undefined && { verify }),
    ...(trust !== undefined && { trusted: trust }),
  }
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
