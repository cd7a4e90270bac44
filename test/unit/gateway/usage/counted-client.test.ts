import { describe, expect, it } from 'vitest'
import type { GatewayClient } from '../../../../gateway/index.ts'
import { countedClient, type KeyUsage } from '../../../../gateway/usage/index.ts'
import { InferenceError } from '../../../../protocol/index.ts'

const chunk = (content: string) => ({ model: 'm', choices: [{ delta: { content } }] })

function counted(chat: (request: { readonly stream?: boolean }) => unknown) {
  const usages: KeyUsage[] = []
  const client = countedClient({ chat } as unknown as GatewayClient, (usage) => usages.push(usage))
  const ask = client.chat as unknown as (request: object, options: object) => unknown
  return { usages, ask: (request: object) => ask(request, { caller: 'anna' }) }
}

function answer(pieces: readonly (object | Error)[], usage?: object) {
  return {
    attempts: [],
    usage,
    async *[Symbol.asyncIterator]() {
      for (const piece of pieces) {
        if (piece instanceof Error) throw piece
        yield piece
      }
    },
  }
}

async function readAll(chunks: unknown, most = Number.POSITIVE_INFINITY): Promise<void> {
  let read = 0
  for await (const _ of chunks as AsyncIterable<unknown>) if (++read >= most) break
}

const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

describe('the usage of a request', () => {
  it('is that of a whole answer, or of a stream whose usage is known', async () => {
    const { usages, ask } = counted(({ stream }) =>
      stream === true ? answer([chunk('a')], USAGE) : Promise.resolve({ model: 'm', usage: USAGE }),
    )
    await ask({})
    await readAll(ask({ stream: true }))
    const expected = { key: 'anna', model: 'm', outcome: 'answered' }
    expect(usages).toEqual(
      Array.from({ length: 2 }, () => ({ ...expected, promptTokens: 3, completionTokens: 4 })),
    )
  })

  it('is what was delivered of an answer that was broken off by either side', async () => {
    const { usages, ask } = counted(() => answer([chunk('a'), chunk('b'), new Error('broken')]))
    await expect(readAll(ask({ stream: true }))).rejects.toThrow('broken')
    await readAll(ask({ stream: true }), 1)
    expect(usages).toMatchObject([
      { model: 'm', outcome: 'failed', completionTokens: 2 },
      { model: 'm', outcome: 'failed', completionTokens: 1 },
    ])
  })

  it('is the prompt and what was delivered, or reserved, of an answer that its caller does not take', async () => {
    const request = { messages: [{ role: 'user', content: 'a'.repeat(400) }], max_tokens: 50 }
    const tooLate = new InferenceError('deadline_exceeded', 'too late', {
      details: { attempts: [{} as never] },
    })
    const { usages, ask } = counted(({ stream }) =>
      stream === true ? answer([chunk('eight ch'), chunk('b')]) : Promise.reject<unknown>(tooLate),
    )
    await readAll(ask({ ...request, stream: true }), 1)
    await expect(ask(request)).rejects.toThrow('too late')
    expect(usages).toMatchObject([
      { promptTokens: 100, completionTokens: 2 },
      { promptTokens: 100, completionTokens: 50 },
    ])
  })

  it('is a failure, of no model, where no model answered', async () => {
    const failing = counted(async () => await Promise.reject(new Error('no peer')))
    await expect(failing.ask({ model: 'invented' })).rejects.toThrow('no peer')
    const early = counted(() => answer([new Error('no peer')]))
    await expect(readAll(early.ask({ stream: true }))).rejects.toThrow('no peer')
    for (const { usages } of [failing, early]) {
      expect(usages).toMatchObject([{ model: '', outcome: 'failed', completionTokens: 0 }])
    }
  })
})
