import { type Command, InvalidArgumentError } from 'commander'
import {
  type ChatMessage,
  type ChatRequest,
  defined,
  parseModelReference,
} from '../protocol/index.ts'
import { nonEmptyText, numberBetween, wholeNumber } from './option-parsers.ts'

/** Sampling options of the commands that send requests. */
export interface SamplingOptions {
  readonly model?: string
  readonly system?: string
  readonly maxTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly seed?: number
  /** Seconds. */
  readonly timeout?: number
  /** Seconds. */
  readonly ttftTimeout?: number
}

export function withSamplingOptions(command: Command): Command {
  return command
    .option(
      '--model <id>',
      'model to ask, id@sha256:… to pin its weights, auto, or several to try in turn: a,b,auto (default: the only one)',
      modelName,
    )
    .option('--system <text>', 'system message')
    .option('--max-tokens <n>', 'longest answer, in tokens', wholeNumber(1))
    .option(
      '--temperature <t>',
      'sampling temperature, 0 (most likely tokens) to 2',
      numberBetween(0, 2),
    )
    .option(
      '--top-p <p>',
      'sample from the likeliest tokens up to this probability mass',
      numberBetween(0, 1),
    )
    .option('--seed <n>', 'same seed, same model, same settings: same answer', wholeNumber(0))
    .option('--timeout <seconds>', 'deadline for the whole answer', numberBetween(0.1, 3600))
    .option(
      '--ttft-timeout <seconds>',
      'time without a first token or progress after which another peer is tried',
      numberBetween(0.1, 3600),
    )
}

/** A model id, a provider's model, `auto`, or several of them; digests are checked here, where the option can be named. */
function modelName(value: string): string {
  for (const part of nonEmptyText(value).split(',')) {
    if (!part.includes('@sha256:')) continue
    try {
      parseModelReference(part)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
    }
  }
  return value
}

export function chatRequest(
  model: string,
  messages: readonly ChatMessage[],
  options: SamplingOptions,
): ChatRequest {
  const { system, maxTokens, temperature, topP, seed } = options
  return {
    model,
    messages: system === undefined ? messages : [{ role: 'system', content: system }, ...messages],
    ...defined({ max_tokens: maxTokens, temperature, top_p: topP, seed }),
  }
}

/** Deadlines that the options set, in milliseconds. */
export function timeoutOf({ timeout, ttftTimeout }: SamplingOptions): {
  timeoutMs?: number
  ttftTimeoutMs?: number
} {
  return {
    ...(timeout !== undefined && { timeoutMs: Math.round(timeout * 1000) }),
    ...(ttftTimeout !== undefined && { ttftTimeoutMs: Math.round(ttftTimeout * 1000) }),
  }
}
