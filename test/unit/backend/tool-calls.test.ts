import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CallReader, type ToolFormat, toolFormatOf } from '../../../backend/marked-text/index.ts'
import { ToolCallAssembly } from '../../../client/request/index.ts'

const TEMPLATES = {
  hermes: '{% if tools %}<tool_call>{"name": <name>, "arguments": <object>}</tool_call>{% endif %}',
  mistral: '{% if tools %}[AVAILABLE_TOOLS]{{ tools }}{% endif %}[TOOL_CALLS]',
  llama3: '<|start_header_id|>{% if tools %}{"name": function name, "parameters": x}{% endif %}',
} as const

function formatNamed(name: keyof typeof TEMPLATES): ToolFormat {
  const format = toolFormatOf(TEMPLATES[name])
  if (format === undefined) throw new Error(`no format for ${name}`)
  return format
}

const names = new Set(['read', 'edit'])

function readParts(
  name: keyof typeof TEMPLATES,
  parts: readonly string[],
  isForced = false,
): { text: string; calls: readonly object[] } {
  const reader = new CallReader({ format: formatNamed(name), names, isForced })
  const assembly = new ToolCallAssembly()
  let text = ''
  for (const read of [...parts.map((part) => reader.push(part)), reader.end()]) {
    text += read.text
    assembly.add(read.calls)
  }
  return { text, calls: assembly.calls().map((call) => call.function) }
}

const READ = { name: 'read', arguments: '{"file": "a \\"}\\" b", "deep": [{"x": {}}]}' }
const EDIT = { name: 'edit', arguments: '{}' }
const call = (key: string, one: { name: string; arguments: string }) =>
  `{"name": "${one.name}", "${key}": ${one.arguments}}`
const withId = (json: string) => `${json.slice(0, -1)}, "id": "a}b", "x": {"y": [1]}}`

const ANSWERS: readonly [keyof typeof TEMPLATES, string, string][] = [
  [
    'hermes',
    'I see.',
    `I see.\n<tool_call>\n${call('arguments', READ)}\n</tool_call>\n<tool_call>\n${call('arguments', EDIT)}\n</tool_call>`,
  ],
  ['mistral', '', `[TOOL_CALLS][${call('arguments', READ)}, ${call('arguments', EDIT)}]`],
  ['llama3', '', `<|python_tag|>${call('parameters', READ)}; ${call('parameters', EDIT)}`],
  ['llama3', '', `\n${call('parameters', READ)}\n${call('parameters', EDIT)}`],
  [
    'hermes',
    '',
    `<tool_call>[${call('arguments', READ)},\n${call('arguments', EDIT)},]</tool_call>`,
  ],
  ['hermes', '', `<tool_call>\n${call('arguments', READ)}}\n${call('arguments', EDIT)}`],
  [
    'mistral',
    '',
    `[TOOL_CALLS] [${withId(call('arguments', READ))}, ${withId(call('arguments', EDIT))}]`,
  ],
  [
    'hermes',
    'So.',
    `<tool_call>${call('arguments', READ)}\n<tool_call>${call('arguments', EDIT)} So.`,
  ],
  [
    'hermes',
    'So.',
    `<tool_call>${call('arguments', READ)},${call('arguments', EDIT)}So.</tool_call>`,
  ],
  ['llama3', 'So.', `${call('parameters', READ)};${call('parameters', EDIT)}\nSo.`],
  ['mistral', 'So.', `[TOOL_CALLS][${call('arguments', READ)},${call('arguments', EDIT)}] So.`],
]

describe('tool calls in the text of an answer', () => {
  it.each(ANSWERS)(
    'are found as %s writes them, however the text is split',
    (name, text, answer) => {
      void fc.assert(
        fc.property(fc.array(fc.nat(answer.length), { maxLength: 12 }), (cuts) => {
          const at = [0, ...cuts.toSorted((a, b) => a - b), answer.length]
          const parts = at.slice(1).map((end, index) => answer.slice(at[index], end))
          expect(readParts(name, parts)).toEqual({ text, calls: [READ, EDIT] })
        }),
        { numRuns: 60 },
      )
    },
  )

  it.each([
    ['hermes', 'A <tool> is not a call, a < b.'],
    ['hermes', 'Said: <tool_call>\n{"name": "unknown", "arguments": {}}\n</tool_call>'],
    ['hermes', 'Said: <tool_call>nothing</tool_call> after.'],
    ['hermes', 'Said: <tool_call>{"name": "re\\_ad", "arguments": {}}</tool_call>'],
    ['hermes', 'Said: <tool_call>{"name": "re\nad", "arguments": {}}</tool_call>'],
    ['llama3', '{"name": "re\\_ad", "parameters": {}}'],
    ['llama3', '{"a": 1, "name": "read"}'],
    ['llama3', 'Hello {"name": "read", "parameters": {}}'],
    ['mistral', 'See [TOOL_] and [x].'],
  ] as const)('leave other text of %s as it is: %s', (name, answer) => {
    expect(readParts(name, [...answer])).toEqual({ text: answer, calls: [] })
  })

  it.each([
    [
      'a call that is not closed',
      `<tool_call>${call('arguments', READ)}\n<tool_call>${call('arguments', EDIT)}</tool_call>`,
      { text: '', calls: [READ, EDIT] },
    ],
    [
      'a mark that begins none',
      `So <tool_call>none <tool_call>${call('arguments', EDIT)}</tool_call>`,
      { text: 'So <tool_call>none', calls: [EDIT] },
    ],
    [
      'a call of an unknown function',
      `<tool_call>${call('arguments', { name: 'x', arguments: '{}' })}</tool_call><tool_call>${call('arguments', EDIT)}</tool_call>`,
      {
        text: `<tool_call>${call('arguments', { name: 'x', arguments: '{}' })}</tool_call>`,
        calls: [EDIT],
      },
    ],
    [
      'one in the same block, before one of an unknown function',
      `<tool_call>${call('arguments', EDIT)},{"name": "x", "arguments": {}}</tool_call> So.`,
      { text: '{"name": "x", "arguments": {}} So.', calls: [EDIT] },
    ],
  ])('are found after %s, however the text is split', (_, answer, expected) => {
    for (const parts of [[answer], [...answer]]) {
      expect(readParts('hermes', parts)).toEqual(expected)
    }
  })

  it('have a name first, and arguments as they are written', () => {
    const reader = new CallReader({ format: formatNamed('hermes'), names })
    const [begun] = reader.push('<tool_call>{"name": "read", "arguments": {"fi').calls
    expect(begun).toMatchObject({ index: 0, type: 'function', function: { name: 'read' } })
    expect(begun?.id).toMatch(/^call_/)
    expect(reader.push('le": 1').calls).toEqual([{ index: 0, function: { arguments: 'le": 1' } }])
  })

  it('may have been begun by the prompt', () => {
    const answer = call('arguments', READ)
    expect(readParts('hermes', [...answer], true)).toEqual({ text: '', calls: [READ] })
    expect(readParts('mistral', [answer], true)).toEqual({ text: '', calls: [READ] })
  })
})

describe('required tool calls', () => {
  const one = `${call('arguments', READ)}\n</tool_call>`
  const two = `${one}\n<tool_call>\n${call('arguments', EDIT)}\n</tool_call>`
  const reader = (isSingle = false) =>
    new CallReader({ format: formatNamed('hermes'), names, isForced: true, isSingle })

  it.each([
    ['text', `${one} That is it.`, 1],
    ['other marks', `${call('arguments', READ)} <tool>`, 1],
    ['blank lines without end', `${one}${'\n'.repeat(80)}`, 1],
    ['a mark that begins none', `${one}\n<tool_call>\nno`, 1],
    ['text after two', `${two} x`, 2],
  ])('end the answer at %s, which is not shown', (_, answer, count) => {
    for (const parts of [[answer], [...answer]]) {
      const reading = reader()
      const read = parts.map((part) => reading.push(part))
      expect(read.map(({ text }) => text).join('') + reading.end().text).toBe('')
      expect(read.flatMap(({ calls }) => calls).filter(({ id }) => id !== undefined)).toHaveLength(
        count,
      )
      expect(reading.isOver).toBe(true)
    }
  })

  it('show nothing of another one that length cuts', () => {
    const reading = reader()
    reading.push(`${one}\n<tool_call>\n{"na`)
    expect(reading.end()).toEqual({ text: '', calls: [] })
  })

  it('may be followed by others, but for one call an answer', () => {
    for (const [isSingle, count] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const reading = reader(isSingle)
      const calls = [...two].flatMap((part) => reading.push(part).calls)
      expect(calls.filter(({ id }) => id !== undefined)).toHaveLength(count)
      expect(reading.isOver).toBe(isSingle)
    }
  })
})

describe('the JSON that a grammar holds', () => {
  it.each([
    ['hermes', `Now <tool_call>\n${call('arguments', READ)}\n</tool_call>`, 'arguments'],
    ['mistral', `[TOOL_CALLS] [${call('arguments', READ)}]`, 'arguments'],
    ['llama3', `<|python_tag|> ${call('parameters', READ)}`, 'parameters'],
  ] as const)(
    'is that of each call of %s, from its first brace to its last',
    (name, answer, key) => {
      const reading = new CallReader({ format: formatNamed(name), names })
      const whole = call(key, READ)
      const held = [...answer].map((char) => {
        reading.push(char)
        return reading.held
      })
      const texts = held.flatMap((one) => (one === undefined ? [] : [one.text]))
      expect(texts).toEqual(
        Array.from({ length: whole.length - 1 }, (_, at) => whole.slice(0, at + 1)),
      )
      expect(new Set(held.flatMap((one) => (one === undefined ? [] : [one.part])))).toEqual(
        new Set([0]),
      )
    },
  )

  it('is held from the start where a call is required, and numbered anew in the next', () => {
    const reading = new CallReader({ format: formatNamed('hermes'), names, isForced: true })
    expect(reading.held).toEqual({ part: 0, text: '' })
    reading.push(`${call('arguments', READ)}</tool_call>`)
    expect(reading.held).toBeUndefined()
    reading.push('<tool_call>\n{"na')
    expect(reading.held).toEqual({ part: 1, text: '{"na' })
  })
})

describe('the format of a template', () => {
  it.each([
    ['takes no tools', '<|im_start|>{{ message }}'],
    ['writes calls in another syntax', '{% if tools %}<tool_call><function=x>{% endif %}'],
    ['numbers its calls', '{% if tools %}[TOOL_CALLS]x[ARGS]{}{% endif %}'],
  ])('is unknown if it %s', (_, template) => {
    expect(toolFormatOf(template)).toBeUndefined()
  })
})
