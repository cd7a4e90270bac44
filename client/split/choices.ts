import { InferenceError } from '../../protocol/index.ts'
import { fieldOf } from '../request/index.ts'
import { SPLIT_LIMITS } from './limits.ts'
/** The choices of one call, each to be asked for by itself. They are numbered prompt by prompt, as OpenAI does. */
export interface Choices {
  readonly count: number
  /** Choices of each prompt. */
  readonly perPrompt: number
  /**
   * The call's body, made a request for one of them. Its seed differs from the others', so that they do, and so that
   * each comes again.
   */
  bodyOf(choice: number, body: object): object
}

/**
 * @returns nothing where there is only one to ask for
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
  // What is no number is left for the request's own check, which names it.
  if (prompts === undefined && perPrompt === 1) return undefined
  return {
    count,
    perPrompt,
    // The usage of the whole is told once, at its end, and not by each part.
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
  return new InferenceError('invalid_request', `${param}: one call gives at most ${most}`, {
    details: { param },
  })
}
