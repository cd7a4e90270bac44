import { InferenceError, type ResumeForm } from '../../protocol/index.ts'

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
/** The next token of each begins with a space, whatever the model: no "I'll" may follow. An engine that begins a new turn, or the answer anew, writes none. */
const TEXT: BegunAnswer = { text: '1, 2, 3,', reasoning: '' }
const THOUGHT: BegunAnswer = { text: '', reasoning: 'The user wants me to count from' }
const AFTER_THOUGHT: BegunAnswer = { text: '1, 2, 3,', reasoning: 'I count.' }
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
 * Whether an engine continues an answer from its text, in the form given or as plain text. With a part of its own
 * continuation added to the prefix, it must write the rest of that continuation, neither more nor anything else: a prefix
 * that is ignored, repeated or closed gives another text. Undefined if the engine was busy.
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

/** Whether a trial that failed with this error is worth another: the engine was busy. */
export function isPassing(error: unknown): boolean {
  return InferenceError.is(error, 'loading') || InferenceError.is(error, 'over_capacity')
}

async function goesOn(
  write: Continue,
  begun: BegunAnswer,
  tools?: readonly object[],
): Promise<boolean> {
  const channel = begun.text === '' ? 'reasoning' : 'text'
  const more = { maxTokens: TRIAL_TOKENS, ...(tools !== undefined && { tools }) }
  const first = await write(begun, more)
  const cut = first[channel].indexOf(' ', 2)
  if (!/^\s\S/.test(first[channel]) || cut < 0) return false
  const [head, tail] = [first[channel].slice(0, cut), first[channel].slice(cut)]
  const second = await write({ ...begun, [channel]: begun[channel] + head }, more)
  const other = channel === 'text' ? second.reasoning : second.text
  return other === '' && tail.length > 1 && second[channel].startsWith(tail)
}

async function closesJson(write: Continue): Promise<boolean> {
  const { text } = await write(JSON_BEGUN, { maxTokens: 2 * TRIAL_TOKENS, schema: SCHEMA })
  const { a } = JSON.parse(JSON_BEGUN.text + text) as { readonly a?: unknown }
  return typeof a === 'boolean'
}
