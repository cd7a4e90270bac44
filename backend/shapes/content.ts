import { isAbsent, type Json, recordAt, textAt, wrongShape } from './field.ts'

/** A message's content by kind of part. */
export interface SpokenContent {
  readonly text: string
  readonly reasoning: string
  readonly refusal: string
}

const NOTHING: SpokenContent = { text: '', reasoning: '', refusal: '' }

/**
 * Parts by their type, and what each adds. `thinking` has a text or a list of parts (Mistral); `reference` cites sources by
 * number and has no text.
 */
const PARTS: Readonly<Record<string, (part: Json, path: string) => Partial<SpokenContent>>> = {
  text: ({ text }, path) => ({ text: partText(text, `${path}.text`) }),
  output_text: ({ text }, path) => ({ text: partText(text, `${path}.text`) }),
  thinking: ({ thinking }, path) => ({ reasoning: partText(thinking, `${path}.thinking`) }),
  reasoning: ({ reasoning, text }, path) => ({
    reasoning: partText(reasoning ?? text, `${path}.reasoning`),
  }),
  refusal: ({ refusal }, path) => ({ refusal: textAt(refusal, `${path}.refusal`) }),
  reference: () => ({}),
}

/**
 * A message's content: a text, or a part or list of parts ({@link PARTS}; a text in a list is a part, too).
 *
 * @throws InferenceError `engine_failed`, also for parts that are not text, such as images
 */
export function contentAt(value: unknown, path: string): SpokenContent {
  if (isAbsent(value)) return NOTHING
  if (typeof value === 'string') return { text: value, reasoning: '', refusal: '' }
  if (!Array.isArray(value)) return { ...NOTHING, ...partAt(value, path) }
  return value
    .map((part, at) => partAt(part, `${path}.${at}`))
    .reduce<SpokenContent>(
      (all, part) => ({
        text: all.text + (part.text ?? ''),
        reasoning: all.reasoning + (part.reasoning ?? ''),
        refusal: all.refusal + (part.refusal ?? ''),
      }),
      NOTHING,
    )
}

/** Alternatives: DeepSeek's, OpenRouter's, Ollama's, Copilot's. */
const THOUGHTS = ['reasoning_content', 'reasoning', 'thinking', 'reasoning_text'] as const

/** Text of OpenRouter's `reasoning_details`, except encrypted ones. */
const DETAILS: Readonly<Record<string, string | undefined>> = {
  'reasoning.text': 'text',
  'reasoning.summary': 'summary',
  'reasoning.encrypted': undefined,
}

/**
 * A model's reasoning. The names are alternatives: some engines send the same text under two of them.
 *
 * @throws InferenceError `engine_failed`
 */
export function reasoningAt(message: Json, path: string): string {
  for (const name of THOUGHTS) {
    const value = message[name]
    if (isAbsent(value)) continue
    const thought = partText(value, `${path}.${name}`)
    if (thought !== '') return thought
  }
  const { reasoning_details: details } = message
  if (isAbsent(details)) return ''
  if (!Array.isArray(details)) throw wrongShape(`${path}.reasoning_details`, details, 'a list')
  return details
    .map((detail: unknown, at) => {
      const where = `${path}.reasoning_details.${at}`
      const record = recordAt(detail, where)
      const { type } = record
      if (typeof type !== 'string' || !Object.hasOwn(DETAILS, type)) {
        throw wrongShape(where, detail, 'reasoning.text, reasoning.summary or reasoning.encrypted')
      }
      const field = DETAILS[type]
      return field === undefined ? '' : textAt(record[field], `${where}.${field}`)
    })
    .join('')
}

function partAt(value: unknown, path: string): Partial<SpokenContent> {
  if (typeof value === 'string') return { text: value }
  const part = recordAt(value, path)
  const { type = 'text' } = part
  const read = typeof type === 'string' && Object.hasOwn(PARTS, type) ? PARTS[type] : undefined
  if (read === undefined || (!('type' in part) && !('text' in part))) {
    throw wrongShape(path, value, `text or a part of type ${Object.keys(PARTS).join(', ')}`)
  }
  return read(part, path)
}

/** A string, or a list of strings and text parts. */
function partText(value: unknown, path: string): string {
  if (!Array.isArray(value)) return textAt(value, path)
  return value
    .map((part: unknown, at) => {
      const where = `${path}.${at}`
      if (typeof part === 'string') return part
      const { type, text } = recordAt(part, where)
      if (!isAbsent(type) && type !== 'text') throw wrongShape(where, part, 'a part of type text')
      return textAt(text, `${where}.text`)
    })
    .join('')
}
