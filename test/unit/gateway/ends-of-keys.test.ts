import { describe, expect, it, onTestFinished } from 'vitest'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { type ApiKey, createApiKey, createGateway } from '../../../gateway/index.ts'

const SERVED = { model: 'm', created: 0, id: 'chatcmpl-1' }
const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const PIECES = ['one ', 'two ', 'three']

/** An engine whose pieces are let go one by one, behind a gateway with the key of anna. */
function running() {
  const anna = createApiKey('anna', { expiresAtMs: 1_000 })
  const prometheus = createApiKey('prometheus', { onlyMetrics: true })
  let keys: readonly ApiKey[] = [anna.kept, prometheus.kept]
  let nowMs = 0
  let left = 0
  let asked = 0
  const gates = PIECES.map(() => Promise.withResolvers<void>())
  const whole = Promise.withResolvers<void>()
  const pieces = async function* (): AsyncGenerator<object, void, void> {
    try {
      for (const [index, content] of PIECES.entries()) {
        await gates[index]?.promise
        const choices = [{ index: 0, delta: { content }, finish_reason: null }]
        yield { ...SERVED, object: 'chat.completion.chunk', choices, skein: { peerId: 'p' } }
      }
    } finally {
      left += 1
    }
  }
  const client = {
    chat: ({ stream }: { readonly stream?: boolean }) => {
      asked += 1
      if (stream === true) {
        const chunks = pieces()
        return { attempts: [], usage: USAGE, [Symbol.asyncIterator]: () => chunks }
      }
      const message = { role: 'assistant', content: 'all of it', refusal: null }
      return whole.promise.then(() => ({
        ...{ ...SERVED, object: 'chat.completion', choices: [{ index: 0, message }] },
        usage: USAGE,
        skein: { peerId: 'p', attempts: [], resumes: 0 },
      }))
    },
    unusedFields: async () => [],
    slots: () => 1,
    names: { providers: [], aliases: [] },
    models: async () => [],
    observe: () => () => undefined,
    stats: () => ({ peers: {}, inFlight: 0, retryBudget: 0, resumeReserve: 0 }),
  } as unknown as GatewayClient
  const gateway = createGateway(client, {
    apiKeys: () => keys,
    now: () => nowMs,
    metrics: true,
  })
  onTestFinished(() => gateway.close())
  return {
    anna,
    left: () => left,
    asked: () => asked,
    queued: async (): Promise<number> => {
      const headers = { authorization: `Bearer ${prometheus.key}` }
      const response = await gateway.fetch('http://skein.local/metrics', { headers })
      return Number(/^skein_queue_depth (\d+)$/m.exec(await response.text())?.[1])
    },
    letGo: (index: number) => gates[index]?.resolve(),
    finishWhole: () => whole.resolve(),
    becomes: (next: readonly ApiKey[]) => {
      keys = next
    },
    expire: () => {
      nowMs = 1_000
    },
    ask: async (stream: boolean): Promise<Response> =>
      await gateway.fetch('http://skein.local/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${anna.key}` },
        body: JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'x' }] }),
      }),
  }
}

type Running = ReturnType<typeof running>

/** The text of a stream whose key changes after its first piece. */
async function streamed(change: (one: Running) => void): Promise<{ text: string; left: number }> {
  const one = running()
  one.letGo(0)
  const response = await one.ask(true)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const readOn = async (): Promise<boolean> => {
    const { value, done = true } = (await reader?.read()) ?? {}
    text += value ?? ''
    return !done
  }
  while (!text.includes(PIECES[0] ?? '')) await readOn()
  change(one)
  one.letGo(1)
  one.letGo(2)
  while (await readOn()) {}
  return { text, left: one.left() }
}

describe('an answer that runs', () => {
  it.each<[what: string, next: (one: Running) => readonly ApiKey[]]>([
    ['was removed, the last one', () => []],
    ['was removed, one of several', () => [createApiKey('otto').kept]],
    ['was replaced under its name', () => [createApiKey('anna').kept]],
  ])('ends when its key %s', async (_what, next) => {
    const { text, left } = await streamed((one) => one.becomes(next(one)))
    expect(text).toContain('"code":"unauthorized"')
    expect(text).toContain('was removed')
    expect(text).not.toContain('three')
    expect(text).not.toContain('[DONE]')
    expect(left).toBe(1)
  })

  it.each<[what: string, change: (one: Running) => void]>([
    ['expires', (one) => one.expire()],
    ['may use other models only', (one) => one.becomes([{ ...one.anna.kept, models: ['other'] }])],
  ])('is finished when its key %s', async (_what, change) => {
    const { text, left } = await streamed(change)
    for (const piece of PIECES) expect(text).toContain(piece)
    expect(text).toContain('[DONE]')
    expect(text).not.toContain('error')
    expect(left).toBe(1)
  })

  it('is not given whole to a key that was removed, and is to one that expired', async () => {
    const one = running()
    const refused = one.ask(false)
    await expect.poll(() => one.asked()).toBe(1)
    one.becomes([])
    one.finishWhole()
    expect((await refused).status).toBe(401)
    const other = running()
    const finished = other.ask(false)
    await expect.poll(() => other.asked()).toBe(1)
    other.expire()
    other.finishWhole()
    expect((await finished).status).toBe(200)
  })
})

describe('a request that waits in the queue', () => {
  it.each<[what: string, change: (one: Running) => void, why: string]>([
    ['was removed', (one) => one.becomes([]), 'was removed'],
    ['expired', (one) => one.expire(), 'expired'],
  ])('is not sent to a peer if its key %s meanwhile', async (_what, change, why) => {
    const one = running()
    // As many run as twice the slots.
    const before = [one.ask(true), one.ask(true)]
    await expect.poll(() => one.asked()).toBe(2)
    const waiting = one.ask(false)
    await expect.poll(one.queued).toBe(1)
    change(one)
    for (const index of PIECES.keys()) one.letGo(index)
    for (const response of before) await (await response).text()
    const refused = await waiting
    expect(refused.status).toBe(401)
    expect(await refused.text()).toContain(why)
    expect(one.asked()).toBe(2)
  })
})
