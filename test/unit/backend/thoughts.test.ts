import * as fc from 'fast-check'
import type { LlamaModel, Token } from 'node-llama-cpp'
import { describe, expect, it } from 'vitest'
import type { AnswerPlan } from '../../../backend/embedded/answer-plan.ts'
import { embeddedFields } from '../../../backend/embedded/declared.ts'
import type { TextEvent } from '../../../backend/embedded/messages.ts'
import { samplingOf } from '../../../backend/embedded/sampling.ts'
import { traitsOf } from '../../../backend/embedded/template-traits.ts'
import { WrittenAnswer } from '../../../backend/embedded/written-answer.ts'
import {
  type ThoughtPlace,
  ThoughtReader,
  thoughtMarksOf,
  toolFormatOf,
} from '../../../backend/marked-text/index.ts'
import { ToolCallAssembly } from '../../../client/request/index.ts'

const MARKS = thoughtMarksOf('{{ content.split("</think>")[-1] }}') ?? { open: '', close: '' }
const FORMAT = toolFormatOf('{% if tools %}<tool_call></tool_call>{% endif %}')

function separated(parts: readonly string[], place: ThoughtPlace) {
  const reader = new ThoughtReader(MARKS, place)
  const read = [...parts.map((part) => reader.push(part)), reader.end()]
  return {
    reasoning: read.map(({ reasoning }) => reasoning).join(''),
    text: read.map(({ text }) => text).join(''),
  }
}

describe('thoughts in the text of an answer', () => {
  const cases: readonly [string, ThoughtPlace, string, string, string][] = [
    ['opened by the prompt', 'opened', '\nHm < 3.\n</think>\n\nYes.\n', 'Hm < 3.', 'Yes.\n'],
    ['opened by the model', 'start', '<think>\nHm.\n</think>\n\nYes.', 'Hm.', 'Yes.'],
    ['after blank lines', 'start', '\n<think>Hm.</think>Yes.', 'Hm.', 'Yes.'],
    ['that are empty', 'start', '<think>\n\n</think>\n\nYes.', '', 'Yes.'],
    ['absent', 'start', 'Yes, a < b.', '', 'Yes, a < b.'],
    ['absent, after a beginning of a mark', 'start', '<thin', '', '<thin'],
    ['that do not end', 'opened', 'Hm, </thin', 'Hm, </thin', ''],
    [
      'twice: the later ones are text',
      'opened',
      'Hm</think>A<think>B</think>',
      'Hm',
      'A<think>B</think>',
    ],
    ['gone on with', 'thinking', ' more\n</think>\n\nYes.', ' more', 'Yes.'],
    ['over', 'text', ' <think>3.', '', ' <think>3.'],
  ]
  it.each(cases)('%s are told apart, however it is split', (_, place, answer, reasoning, text) => {
    void fc.assert(
      fc.property(fc.array(fc.nat(answer.length), { maxLength: 8 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), answer.length]
        const parts = at.slice(1).map((end, index) => answer.slice(at[index], end))
        expect(separated(parts, place)).toEqual({ reasoning, text })
      }),
      { numRuns: 40 },
    )
  })
})

/** A model whose tokens are bytes. */
const model = {
  detokenize: (tokens: readonly number[]) => Buffer.from(tokens).toString('utf8'),
  tokenize: (text: string) => [...Buffer.from(text)],
} as unknown as LlamaModel

const planOf = (more: Partial<AnswerPlan>): AnswerPlan => ({
  ...{ prompt: [], prefix: [], resume: undefined, maxTokens: undefined, stops: [] },
  ...{ sampling: samplingOf({}, 1), grammar: undefined, topLogprobs: undefined },
  ...{ group: undefined, exactResumeTokens: 0, ...more },
})

type Seen = Readonly<Record<'reasoning' | 'text', string>>

/** What comes of an answer that a model writes in bytes. `shown`: what its caller has before its end. */
function write(plan: AnswerPlan, answer: readonly number[]) {
  const written = new WrittenAnswer(model, plan)
  const calls = new ToolCallAssembly()
  const shown = { reasoning: '', text: '' }
  const take = ({ reasoning = '', text, calls: parts = [] }: Partial<TextEvent> & Seen): void => {
    shown.reasoning += reasoning
    shown.text += text
    calls.add(parts)
  }
  take(written.start())
  for (const token of answer) {
    const event = written.push({ token: token as Token })
    if (written.ended !== undefined) break
    if (event !== undefined) take({ reasoning: '', ...event })
  }
  const before = { ...shown }
  const last = written.finish(written.ended ?? 'stop')
  take({ reasoning: '', ...last })
  const { finishReason: finish } = last
  const made = calls.calls().map((call) => call.function)
  return { ...shown, shown: before, finish, calls: made, tokens: written.reasoningTokens }
}

const bytesOf = (text: string): number[] => [...Buffer.from(text)]
const thoughts = { marks: MARKS, place: 'opened' } as const
const CALL = '<tool_call>\n{"name": "look", "arguments": {"at": "é"}}\n</tool_call>'
const ANSWER = bytesOf(`\nI wonder…\n</think>\n\nSo, é.\n${CALL}\n${CALL}`)

describe('an answer with thoughts, text and calls', () => {
  if (FORMAT === undefined) throw new Error('no format')
  const plan = { thoughts, calls: { format: FORMAT, names: new Set(['look']) } }
  const call = { name: 'look', arguments: '{"at": "é"}' }
  const whole = write(planOf(plan), ANSWER)

  it('has each in its place, and counts the tokens of thoughts', () => {
    expect(whole).toMatchObject({
      ...{ reasoning: 'I wonder…', text: 'So, é.', calls: [call, call], finish: 'tool_calls' },
    })
    expect(whole.tokens).toBe(bytesOf('\nI wonder…\n</think').length)
  })

  it('goes on after any of its tokens, by their ids', () => {
    for (let cut = 1; cut < ANSWER.length; cut += 1) {
      const prefix = ANSWER.slice(0, cut) as Token[]
      const { text, reasoning } = write(planOf(plan), prefix).shown
      const resume = { tokenIds: prefix, text, reasoning, deliveredBytes: Buffer.byteLength(text) }
      const rest = write(planOf({ ...plan, prefix, resume }), ANSWER.slice(cut))
      const joined = { reasoning: reasoning + rest.reasoning, text: text + rest.text }
      expect({ ...rest, ...joined, shown: whole.shown }, `after ${cut}`).toEqual(whole)
    }
  })

  it('goes on from its text, within thoughts or after them', () => {
    const within = { tokenIds: [], text: '', deliveredBytes: 0, reasoning: 'I won' }
    const thinking = write(planOf({ ...plan, resume: within }), bytesOf('der…\n</think>\n\nSo.'))
    expect(thinking).toMatchObject({ reasoning: 'der…', text: 'So.' })
    const after = { tokenIds: [], text: 'So', deliveredBytes: 2, reasoning: 'I wonder…' }
    const saying = write(planOf({ ...plan, resume: after }), bytesOf(`, <think>.${CALL}`))
    expect(saying).toMatchObject({ reasoning: '', text: ', <think>.', calls: [call] })
  })

  it('is held by a grammar only after its thoughts', () => {
    const grammar = { text: '', holds: 'answer' } as const
    const written = new WrittenAnswer(model, planOf({ thoughts, grammar }))
    const held = bytesOf('Hm.</think>\n{"a').map((token) => {
      written.push({ token: token as Token })
      return written.held?.text
    })
    expect(held.filter((text) => text !== undefined)).toEqual(['', '', '{', '{"', '{"a'])
    const ended = write(planOf({ thoughts, grammar }), bytesOf('Hm.</think>\n{"a":1}\n\n'))
    expect(ended).toMatchObject({ reasoning: 'Hm.', text: '{"a":1}', finish: 'stop' })
  })
})

describe('a model that thinks', () => {
  it('resumes within thoughts, and takes an effort if its template switches them', () => {
    const fieldsOf = (template: string) => embeddedFields(['chat'], traitsOf(template))
    expect(fieldsOf('{{ m }}<think>\n\n</think>')).toEqual([
      ...['resume.reasoning.ids', 'resume.reasoning.text'],
    ])
    expect(fieldsOf('{% if enable_thinking %}</think>{% endif %}')).toContain('reasoning_effort')
    expect(fieldsOf('{{ m }}')).toEqual([])
  })
})
