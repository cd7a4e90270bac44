import { describe, expect, it } from 'vitest'
import { type Continue, continuesText } from '../../../backend/continuation/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const COUNT = '1, 2, 3, 4, 5, 6, 7, 8'
const THOUGHT = 'The user wants me to count from one to twenty, so I will begin with one.'

/** An engine that continues what it is given. */
const continues: Continue = async ({ text, reasoning }, { schema, maxTokens }) => {
  if (schema !== undefined) return { text: ' true}', reasoning: '' }
  if (text === '') {
    return {
      text: '',
      reasoning: THOUGHT.slice(reasoning.length, reasoning.length + 3 * maxTokens),
    }
  }
  return { text: COUNT.slice(text.length, text.length + 2 * maxTokens), reasoning: '' }
}

/** Engines that do something else with a final assistant message. */
const OTHERS: Readonly<Record<string, Continue>> = {
  'begins the answer anew': (_, more) => continues({ text: '1', reasoning: '' }, more),
  'repeats the beginning': async (begun, more) => {
    const { text, reasoning } = await continues(begun, more)
    return { text: begun.text + text, reasoning: begun.reasoning + reasoning }
  },
  'counts on in a new turn': async (begun, more) => {
    const { text, reasoning } = await continues(begun, more)
    return { text: text.trimStart(), reasoning: reasoning.trimStart() }
  },
  'thinks before it goes on': async (begun, more) => {
    const { text } = await continues(begun, more)
    return { text, reasoning: 'Hm.' }
  },
  'writes nothing': async () => ({ text: '', reasoning: '' }),
  refuses: () => Promise.reject(new InferenceError('invalid_request', 'no')),
}

const FORMS = ['plain', 'tools', 'reasoning', 'json'] as const

describe('the trial of an engine that is to continue an answer', () => {
  it.each(FORMS)('proves one that does so: %s', async (form) => {
    expect(await continuesText(continues, form, undefined)).toBe(true)
  })

  it.each(Object.keys(OTHERS).flatMap((what) => FORMS.map((form) => [what, form] as const)))(
    'does not prove one that %s: %s',
    async (what, form) => {
      const write = OTHERS[what] ?? continues
      const isJson = form === 'json'
      // What it does with a count does not show in JSON.
      if (isJson && (what.includes('turn') || what.includes('thinks') || what.includes('anew')))
        return
      expect(await continuesText(write, form, undefined)).toBe(false)
    },
  )

  it('proves nothing with an engine that is busy', async () => {
    const busy: Continue = () => Promise.reject(new InferenceError('over_capacity', 'busy'))
    expect(await continuesText(busy, 'plain', undefined)).toBeUndefined()
  })

  it('does not prove JSON where the grammar starts anew', async () => {
    const anew: Continue = async () => ({ text: '{"a": true}', reasoning: '' })
    expect(await continuesText(anew, 'json', undefined)).toBe(false)
  })
})
