/** What an answer consists of. */
export const SHAPES = [
  'text',
  'stop',
  'no call',
  'one call',
  'three calls',
  'reasoning',
  'JSON',
] as const
export type Shape = (typeof SHAPES)[number]

/** A question that makes a model answer in one shape, in no dialect yet. */
export interface Question {
  readonly prompt: string
  /** Whether {@link WEATHER} is offered. */
  readonly offersTool: boolean
  /** A call is required, where the dialect can say so. */
  readonly mustCall: boolean
  /** Ends the answer before its end. */
  readonly stop?: string
  /** Of a structured answer. */
  readonly schema?: Readonly<Record<string, unknown>>
  readonly maxTokens: number
}

/** The function on offer. */
export const WEATHER = {
  name: 'weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
} as const

const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    age: { type: 'integer' },
    numbers: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 4 },
  },
  required: ['name', 'age', 'numbers'],
  additionalProperties: false,
} as const

/** Ends an answer before its end. */
export const STOP = ', 9'

const COUNT = 'Count from 1 to 12.'

/** @param mustCall for models that call a tool only if they must */
export function questionOf(shape: Shape, mustCall: boolean): Question {
  const plain = { prompt: COUNT, offersTool: false, mustCall: false, maxTokens: 60 }
  switch (shape) {
    case 'text':
      return plain
    case 'stop':
      return { ...plain, stop: STOP }
    case 'no call':
      return { ...plain, offersTool: true }
    case 'one call':
      return { ...plain, prompt: 'How is the weather in Oslo?', offersTool: true, mustCall }
    case 'three calls':
      return {
        ...{ ...plain, offersTool: true, maxTokens: 150 },
        prompt: 'How is the weather in Madrid, Vienna and Athens?',
      }
    case 'reasoning':
      return { ...plain, maxTokens: 100 }
    case 'JSON':
      return { ...plain, prompt: 'Describe Anna as JSON.', schema: PERSON, maxTokens: 100 }
    default:
      return shape satisfies never
  }
}
