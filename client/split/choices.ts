import { InferenceError } from '../../protocol/index.ts'
import { fieldOf } from '../request/index.ts'
import { SPLIT_LIMITS } from './limits.ts'

/** The choices of one call, each of which becomes a request. Numbered prompt by prompt, like OpenAI's. */
export interface Choices {
  readonly count: number
  /** Choices per prompt. */
  readonly perPrompt: number
  /**
   * The body of the request for one choice. Each choice gets a seed of its own, so that choices differ and can be
   * reproduced.
   */
  bodyOf(choice: number, body: object): object
}

/**
 * @returns undefined if there is only one choice
 * @throws InferenceError `invalid_request` for more than {@link SPLIT_LIMITS} allow
 */
export function choicesOf(kind: 'chat' | 'completion', body: object): Choices | undefined {
  const n = fieldOf(body, 'n')
  const prompt = fieldOf(body, 'prompt')
  const seed = fieldOf(body, 'seed')
  const { maxChoices, maxPrompts, maxParts } = SPLIT_LIMITS
  const perPrompt = isCount(n) ? n : 1
  if (perPrompt > maxChoices) throw tooMany('n', maxChoices)
  const prompts = kind === 'completion' && isPromptList(prompt) ? prompt : undefined
  if (prompts !== undefined && prompts.length > maxPrompts) throw tooMany('prompt', maxPrompts)
  const count = perPrompt * (prompts?.length ?? 1)
  if (count > maxParts) throw tooMany(perPrompt > 1 ? 'n' : 'prompt', maxParts)
  // Validation of the request rejects an `n` that is not a number.
  if (prompts === undefined && perPrompt === 1) return undefined
  return {
    count,
    perPrompt,
    // The usage is reported once for the whole call, not by each part.
    bodyOf: (choice, { n: _, stream_options: __, ...rest }: Whole) => ({
      ...rest,
      ...(n !== undefined && !isCount(n) && { n }),
      ...(prompts !== undefined && { prompt: prompts[Math.floor(choice / perPrompt)] }),
      ...(isSeed(seed) && { seed: seedOf(seed, choice % perPrompt) }),
    }),
  }
}

interface Whole {
  readonly n?: unknown
  readonly stream_options?: unknown
}

function seedOf(seed: number, choice: number): number {
  const next = seed + choice
  return Number.isSafeInteger(next) ? next : Number.MIN_SAFE_INTEGER + choice
}

function isSeed(seed: unknown): seed is number {
  return Number.isSafeInteger(seed)
}

function isCount(n: unknown): n is number {
  return Number.isSafeInteger(n) && (n as number) >= 1
}

/** A list of numbers is one prompt, as token ids. */
function isPromptList(prompt: unknown): prompt is readonly unknown[] {
  return Array.isArray(prompt) && prompt.length > 0 && typeof prompt[0] !== 'number'
}

function tooMany(param: string, most: number): InferenceError {
  return new InferenceError('invalid_request', `${param}: at most ${most} per call`, {
    details: { param },
  })
}
