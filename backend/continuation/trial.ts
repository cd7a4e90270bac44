import type { ResumeForm } from '../../protocol/index.ts'
import { isPassing } from '../http/index.ts'

/** The text and reasoning of an answer, or of a part of one. */
export interface BegunAnswer {
  readonly text: string
  readonly reasoning: string
}

/** Has an engine continue an answer, with these fields of a chat request added. */
export type Continue = (begun: BegunAnswer, more: ContinuedRequest) => Promise<BegunAnswer>

export interface ContinuedRequest {
  readonly maxTokens: number
  readonly tools?: readonly object[]
  readonly schema?: object
}

const TRIAL_TOKENS = 6
/** What the conversation of a trial asks. */
export const TRIAL_QUESTION = 'Count from 1 to 20.'

/** A beginning, and how nearly every model continues it. */
interface Beginning extends BegunAnswer {
  readonly next: RegExp
}

/** The next token of each begins with a space, whatever the model: no "I'll" may follow. An engine that begins a new turn, or the answer anew, writes none. */
const TEXT: Beginning = { text: '1, 2, 3,', reasoning: '', next: /^ 4\b/ }
const THOUGHT: Beginning = {
  text: '',
  reasoning: 'The user wants me to count from',
  next: /^ 1\b/,
}
const AFTER_THOUGHT: Beginning = { ...TEXT, reasoning: 'I count.' }
const JSON_BEGUN: BegunAnswer = { text: '{"a":', reasoning: '' }

const TOOL = {
  type: 'function',
  function: { name: 'noop', description: 'Does nothing.', parameters: { type: 'object' } },
} as const
const SCHEMA = {
  type: 'object',
  properties: { a: { type: 'boolean' } },
  required: ['a'],
  additionalProperties: false,
} as const

/**
 * Whether an engine continues an answer from its text, in the form given or as plain text. One that writes what nearly
 * every model does is proved. With a part of another continuation added to the prefix, it must write the rest of that
 * continuation, neither more nor anything else: a prefix that is ignored, repeated or closed gives another text. Undefined
 * if the engine was busy or silent.
 */
export async function continuesText(
  write: Continue,
  form: ResumeForm | 'plain',
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  try {
    switch (form) {
      case 'plain':
        return await goesOn(write, TEXT)
      case 'tools':
        return await goesOn(write, TEXT, [TOOL])
      case 'reasoning':
        return (await goesOn(write, THOUGHT)) && (await goesOn(write, AFTER_THOUGHT))
      case 'json':
        return await closesJson(write)
      default:
        return form satisfies never
    }
  } catch (error) {
    signal?.throwIfAborted()
    return isPassing(error) ? undefined : false
  }
}

async function goesOn(
  write: Continue,
  { next, ...begun }: Beginning,
  tools?: readonly object[],
): Promise<boolean> {
  const [channel, elsewhere] =
    begun.text === '' ? (['reasoning', 'text'] as const) : (['text', 'reasoning'] as const)
  const more = { maxTokens: TRIAL_TOKENS, ...(tools !== undefined && { tools }) }
  const first = await write(begun, more)
  if (first[elsewhere] === '' && next.test(first[channel])) return true
  const cut = first[channel].indexOf(' ', 2)
  if (!/^\s\S/.test(first[channel]) || cut < 0) return false
  const [head, tail] = [first[channel].slice(0, cut), first[channel].slice(cut)]
  const second = await write({ ...begun, [channel]: begun[channel] + head }, more)
  return second[elsewhere] === '' && tail.length > 1 && second[channel].startsWith(tail)
}

async function closesJson(write: Continue): Promise<boolean> {
  const { text } = await write(JSON_BEGUN, { maxTokens: 2 * TRIAL_TOKENS, schema: SCHEMA })
  const { a } = JSON.parse(JSON_BEGUN.text + text) as { readonly a?: unknown }
  return typeof a === 'boolean'
}
