import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { grammarSchema } from '../../backend/embedded/json-schema.ts'
import { readFields } from '../../gateway/answering/index.ts'
import { messageFields } from '../../gateway/anthropic/request-fields.ts'
import { readParts } from '../../gateway/batches/multipart.ts'
import { LIMITS, measureJson, parseRequestBytes } from '../../protocol/index.ts'
import { HEAVY_BODIES } from './heavy-bodies.ts'
import { HEAVY } from './heavy-inputs.ts'

/** At most: turns are longer where the machine does other work, which fills its caches and readies more of them at once. */
const RUNS = 5
/**
 * The unit is the least that a request costs: parsing an honest body of the largest size. It takes 10 to 20 ms where nothing
 * else runs, so that ten of them are the 200 ms that a loop may be blocked.
 */
const MAX_UNITS = 10
/** What Node reads of a socket at once. */
const RECEIVED_BYTES = 65_536
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const many = (piece: string, count: number): string => Array(count).fill(piece).join()

/** CPU since a moment. */
function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1_000
}

/**
 * CPU of the longest turn of the loop, in the cheapest of some runs: what the work takes, not what else the machine does.
 *
 * @param enoughMs a run that takes less is the last
 */
async function longestTurnMs(work: () => unknown, enoughMs = 0): Promise<number> {
  let cheapest = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS && cheapest >= enoughMs; run += 1) {
    cheapest = Math.min(cheapest, await longestTurnOf(work))
  }
  return cheapest
}

async function longestTurnOf(work: () => unknown): Promise<number> {
  let longest = 0
  let before = process.cpuUsage()
  const running: { ended: boolean } = { ended: false }
  const { promise: counted, resolve } = Promise.withResolvers<void>()
  const count = (): void => {
    longest = Math.max(longest, cpuMs(before))
    before = process.cpuUsage()
    if (running.ended) resolve()
    else setImmediate(count)
  }
  // Begins in a turn of its own.
  await new Promise((next) => setImmediate(next))
  before = process.cpuUsage()
  setImmediate(count)
  try {
    await work()
  } catch {
    // Refusing is work as well.
  }
  running.ended = true
  await counted
  return longest
}

/** As a socket gives them to the loop. */
async function* asReceived(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += RECEIVED_BYTES) {
    await new Promise((next) => setImmediate(next))
    yield bytes.subarray(at, at + RECEIVED_BYTES)
  }
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
      return () => readParts('multipart/form-data; boundary=B', asReceived(form))
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

describe('the longest block of a loop', { timeout: 120_000 }, async () => {
  const unitMs = await longestTurnMs(parseHonest)

  it.each(heavy)('at a %s by %s', async (_role, _input, work) => {
    expect(await longestTurnMs(work, MAX_UNITS * unitMs)).toBeLessThan(MAX_UNITS * unitMs)
  })

  it.each([...HEAVY, ...HEAVY_BODIES])('at a $role by $input', async ({ work }) => {
    expect(await longestTurnMs(await work(), MAX_UNITS * unitMs)).toBeLessThan(MAX_UNITS * unitMs)
  })

  it.each(unbounded)('is too long without bounds: %s', async (_name, work) => {
    // A collection of what other tests left behind may have made the unit too large, which only a control notices.
    const leastMs = Math.min(unitMs, await longestTurnMs(parseHonest))
    expect((await longestTurnMs(work)) / leastMs).toBeGreaterThan(MAX_UNITS)
  })
})
