import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { grammarSchema } from '../../backend/embedded/json-schema.ts'
import { readFields } from '../../gateway/answering/index.ts'
import { messageFields } from '../../gateway/anthropic/request-fields.ts'
import { readParts } from '../../gateway/batches/multipart.ts'
import { DHT_LIMITS } from '../../host/dht-guard/limits.ts'
import { boundMessage } from '../../host/dht-guard/message.ts'
import { LIMITS, measureJson, parseRequestBytes } from '../../protocol/index.ts'

const RUNS = 2
/**
 * The unit is the least that a request costs: parsing an honest body of the largest size. It takes 10 to 20 ms where nothing
 * else runs, so that ten of them are the 200 ms that a loop may be blocked.
 */
const MAX_UNITS = 10
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const many = (piece: string, count: number): string => Array(count).fill(piece).join()

/** CPU of the cheapest of some runs: what the work takes, not what else the machine does. */
function cheapestMs(work: () => unknown): number {
  let cheapest = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run += 1) {
    const before = process.cpuUsage()
    try {
      work()
    } catch {
      // Refusing is work as well.
    }
    const { user, system } = process.cpuUsage(before)
    cheapest = Math.min(cheapest, (user + system) / 1_000)
  }
  return cheapest
}

const honest = bytesOf(
  JSON.stringify({ messages: ['word '.repeat(LIMITS.maxRequestBytes / 5 - 20)] }),
)
const parseHonest = (): unknown => JSON.parse(new TextDecoder().decode(honest))
const chat = (rest: string): (() => unknown) => {
  const body = bytesOf(`{"model":"m",${rest}}`)
  return () => parseRequestBytes('chat', body)
}
const message = '{"role":"user","content":"a"}'
const dhtAnswer = (): Uint8Array => {
  const writer = new BinaryWriter()
  for (let n = 0; n < DHT_LIMITS.maxAnswerBytes / 4; n += 1)
    writer.tag(9, 2).bytes(new Uint8Array())
  return writer.finish()
}

const heavy: readonly [role: string, input: string, work: () => unknown][] = [
  ['node', 'the most messages', chat(`"messages":[${many(message, LIMITS.maxMessages)}]`)],
  ['node', 'invalid messages', chat(`"messages":[${many('{"role":"usr"}', LIMITS.maxMessages)}]`)],
  ['node', 'a million values', chat(`"messages":[${many(message, 480_000)}]`)],
  [
    'node',
    'the most unknown fields',
    chat(`"messages":[${message}],${Array.from({ length: 60_000 }, (_, n) => `"f${n}":1`).join()}`),
  ],
  [
    'node',
    'escapes only',
    chat(`"messages":[{"role":"user","content":"${'\\"'.repeat(8_000_000)}"}]`),
  ],
  ['gateway', 'white space only', () => measureJson(bytesOf(' '.repeat(16_000_000)))],
  [
    'gateway',
    'invalid blocks',
    (() => {
      const content = Array(30_000).fill({ type: 'text', tex: 'a' })
      const body = { model: 'm', max_tokens: 1, messages: [{ role: 'user', content }] }
      return () => readFields(messageFields, body)
    })(),
  ],
  [
    'gateway',
    'a form like its boundary',
    (() => {
      const part = 'Content-Disposition: form-data; name="file"; filename="x"'
      const form = bytesOf(`--B\r\n${part}\r\n\r\n${'\r\n--A'.repeat(6_000_000)}\r\n--B--\r\n`)
      return () => readParts('multipart/form-data; boundary=B', form)
    })(),
  ],
  [
    'host',
    'an answer of many providers',
    (() => {
      const answer = dhtAnswer()
      return () => boundMessage(answer)
    })(),
  ],
  [
    'engine',
    'a schema of many constants',
    () =>
      grammarSchema({
        type: 'json_schema',
        json_schema: { name: 'x', schema: { enum: Array(100_000).fill('value') } },
      }),
  ],
]

/** Without bounds: all of a million values are parsed, and all issues of a list collected. */
const unbounded: readonly [name: string, work: () => unknown][] = [
  [
    'an invalid list',
    (() => {
      const schema = z.array(z.strictObject({ type: z.literal('text'), text: z.string() }))
      const values = Array(240_000).fill({ type: 'text', tex: 'a' })
      return () => schema.parse(values)
    })(),
  ],
]

describe('the longest block of a loop', { timeout: 120_000 }, () => {
  const unitMs = cheapestMs(parseHonest)

  it.each(heavy)('at a %s by %s', (_role, _input, work) => {
    expect(cheapestMs(work) / unitMs).toBeLessThan(MAX_UNITS)
  })

  it.each(unbounded)('is too long without bounds: %s', (_name, work) => {
    expect(cheapestMs(work) / unitMs).toBeGreaterThan(MAX_UNITS)
  })
})
