import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import {
  JsonCounter,
  LIMITS,
  listOf,
  measureJson,
  parseRequestBytes,
} from '../../../protocol/index.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const message = '{"role":"user","content":"a"}'
const refused = (why: RegExp) =>
  expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(why) })

interface Count {
  containers: number
  strings: number
}

function countOf(value: unknown, count: Count = { containers: 0, strings: 0 }): Count {
  if (typeof value === 'string') count.strings += 1
  if (typeof value !== 'object' || value === null) return count
  count.containers += 1
  if (!Array.isArray(value)) count.strings += Object.keys(value).length
  for (const child of Object.values(value)) countOf(child, count)
  return count
}

describe('the shape of JSON', () => {
  it('counts the values that a parser would create, with any string content', () => {
    const { jsonValue } = fc
    fc.assert(
      fc.property(jsonValue({ maxDepth: 5 }), fc.nat(2), (value, spaces) => {
        const { containers, strings } = measureJson(bytesOf(JSON.stringify(value, null, spaces)))
        expect({ containers, strings }).toEqual(countOf(value))
      }),
    )
  })

  it('is the same however the text is cut into pieces', () => {
    const text = fc.stringMatching(/^(\\|"|,|\{|\}|\[|\]|a|é)*$/, { size: 'medium' })
    fc.assert(
      fc.property(text, fc.array(fc.nat(40)), (whole, cuts) => {
        const bytes = bytesOf(whole)
        const counter = new JsonCounter()
        const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length]
        let from = 0
        for (const end of ends.sort((a, b) => a - b)) {
          counter.add(bytes.subarray(from, end))
          from = end
        }
        expect(counter.shape).toEqual(measureJson(bytes))
      }),
    )
  })

  it('is refused at the piece that is over a limit', () => {
    const counter = new JsonCounter()
    counter.add(bytesOf(`[${'{},'.repeat(LIMITS.maxJsonContainers - 1)}`))
    expect(() => counter.add(bytesOf('{'))).toThrow(refused(/objects and arrays/))
  })

  it.each([
    [String.raw`["\"","\\","\\\"",""]`, 4],
    [String.raw`["\\\\","a\\"]`, 2],
    [`["${'\\\\'.repeat(1_000)}"]`, 1],
  ])('sees the end of each string: %#', (text, strings) => {
    expect(measureJson(bytesOf(text)).strings).toBe(strings)
  })

  it('ends on text that is not JSON', () => {
    for (const text of ['', '"', '"\\', ']]]', '{"a', '\\"']) measureJson(bytesOf(text))
  })

  it('has room for as many tools as a request may offer', () => {
    const field = { type: ['string', 'null'], description: 'd', enum: ['a', 'b', 'c'] }
    const names = Array.from({ length: 10 }, (_, n) => `field${n}`)
    const properties = Object.fromEntries(names.map((name) => [name, field]))
    const parameters = { type: 'object', properties, required: names }
    const tool = { type: 'function', function: { name: 'f', description: 'd', parameters } }
    const tools = Array.from({ length: LIMITS.maxTools }, () => tool)
    expect(() => measureJson(bytesOf(JSON.stringify({ tools })))).not.toThrow()
  })

  it.each([
    ['levels', '['.repeat(8_000_000)],
    ['objects and arrays', `[${'{},'.repeat(480_000)}{}]`],
    ['strings', `{${'"f":1,'.repeat(1_000_000)}"f":1}`],
    ['values', `[${'1,'.repeat(2_000_000)}1]`],
  ])('refuses too many %s', (what, text) => {
    expect(() => measureJson(bytesOf(text))).toThrow(refused(new RegExp(what)))
  })
})

describe('a request within every bound on bytes', () => {
  it.each<[name: string, kind: 'chat' | 'completion', body: string, why: RegExp]>([
    ['messages', 'chat', `"messages":[${Array(5_000).fill(message).join()}]`, /4096/],
    [
      'biases',
      'chat',
      `"messages":[${message}],"logit_bias":{${Array.from({ length: 2_000 }, (_, n) => `"${n}":1`).join()}}`,
      /1024/,
    ],
    [
      'parts',
      'chat',
      `"messages":[{"role":"user","content":[${Array(2_000).fill('{"type":"text","text":"a"}').join()}]}]`,
      /content/,
    ],
    ['token ids', 'completion', `"prompt":[${Array(300_000).fill('1').join()}]`, /prompt/],
  ])('is refused for too many %s', (_, kind, body, why) => {
    expect(() => parseRequestBytes(kind, bytesOf(`{"model":"m",${body}}`))).toThrow(refused(why))
  })

  it('is refused before parsing if there is no memory for it', () => {
    const reserve = (bytes: number): void => {
      expect(bytes).toBeGreaterThan(1_000)
      throw new Error('no memory')
    }
    const broken = bytesOf(`{"model":"m","messages":[${message}${' '.repeat(1_000)}`)
    expect(() => parseRequestBytes('chat', broken, reserve)).toThrow('no memory')
  })

  it.each([{ toString: 1, valueOf: 1 }, [[['text']]]])(
    'is refused for modalities %j',
    (modalities) => {
      const body = bytesOf(
        JSON.stringify({ model: 'm', messages: [JSON.parse(message)], modalities }),
      )
      expect(() => parseRequestBytes('chat', body)).toThrow(refused(/modalities/))
    },
  )
})

describe('a list', () => {
  const checked: unknown[] = []
  const item = z.string().refine((value) => checked.push(value) > 0)
  const list = listOf(item, { min: 1, max: 1_000 })

  it('checks its items up to the first that is invalid, and names it', () => {
    checked.length = 0
    const values = ['a', 'b', 3, ...Array(997).fill('c')]
    const { error } = list.safeParse(values)
    expect(error?.issues.map(({ path }) => path)).toEqual([[2]])
    expect(checked).toEqual(['a', 'b'])
  })

  it('checks its length before its items', () => {
    checked.length = 0
    expect(list.safeParse(Array(1_001).fill('a')).success).toBe(false)
    expect(list.safeParse([]).success).toBe(false)
    expect(checked).toEqual([])
    expect(list.parse(['a'])).toEqual(['a'])
  })

  it('keeps the path through lists of lists', () => {
    const nested = listOf(z.object({ inner: listOf(z.int(), { max: 9 }) }), { max: 9 })
    const { error } = nested.safeParse([{ inner: [1] }, { inner: [1, 'x'] }])
    expect(error?.issues[0]?.path).toEqual([1, 'inner', 1])
  })
})

it('has room for the longest prompt in token ids', () => {
  const prompt = Array(LIMITS.maxTokenIds).fill(1)
  const body = bytesOf(JSON.stringify({ model: 'm', prompt }))
  expect(parseRequestBytes('completion', body).kind).toBe('completion')
})
