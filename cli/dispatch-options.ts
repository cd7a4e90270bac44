import { type Command, InvalidArgumentError } from 'commander'
import { type Policy, parsePolicy, parseResumeMode, type ResumeMode } from '../client/index.ts'

/** How the peers are used, for the commands that ask something. */
export interface DispatchOptions {
  readonly policy?: Policy
  readonly resume?: ResumeMode
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
}

/** What was typed, and nothing else. */
export function dispatchOf({ policy, resume }: DispatchOptions): DispatchOptions {
  return { ...(policy !== undefined && { policy }), ...(resume !== undefined && { resume }) }
}

function policyFrom(text: string): Policy {
  checked(() => parsePolicy(text))
  return text as Policy
}

function resumeFrom(text: string): ResumeMode {
  return checked(() => parseResumeMode(text))
}

function checked<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
