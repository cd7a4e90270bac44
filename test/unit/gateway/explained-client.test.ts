import { beforeEach, describe, expect, it } from 'vitest'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { createGateway, type LocalModel } from '../../../gateway/index.ts'
import { type ErrorCode, InferenceError } from '../../../protocol/index.ts'

const REFUSAL = 'm takes 736 MiB of memory: raise --max-memory to 784MiB'
const LARGE: LocalModel = {
  ...{ name: 'm-q4_1', id: 'm', bytes: 42, state: 'on-disk', refusal: REFUSAL },
}

let code: ErrorCode
let models: () => Promise<readonly LocalModel[]>

const fail = (): never => {
  throw new InferenceError(code, 'the client’s reason')
}
const failed = async (): Promise<never> => fail()
const client = {
  names: { aliases: [], providers: [] },
  observe: () => () => {},
  chat: ({ stream }: { readonly stream?: boolean }) =>
    stream === true
      ? {
          attempts: [],
          [Symbol.asyncIterator]: () => ({ next: failed }),
        }
      : failed(),
} as unknown as GatewayClient

async function ask(model: string, stream: boolean): Promise<{ status: number; message: string }> {
  const localModels = {
    ...{ list: () => models(), pull: failed, share: failed, load: failed, unload: failed },
    remove: failed,
  }
  const { fetch } = createGateway(client, { localModels })
  const messages = [{ role: 'user', content: 'Hello' }]
  const response = await fetch(
    new Request('http://127.0.0.1:4810/v1/chat/completions', {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ model, messages, stream }),
    }),
  )
  const { error } = (await response.json()) as { error: { message: string } }
  return { status: response.status, message: error.message }
}

beforeEach(() => {
  code = 'model_not_found'
  models = async () => [LARGE]
})

describe.each([{ stream: false }, { stream: true }])(
  'a request (streamed: $stream)',
  ({ stream }) => {
    it.each(['m', 'M', 'm-q4_1'])('tells why this machine does not serve %s', async (model) => {
      const { status, message } = await ask(model, stream)
      expect(status).toBe(404)
      expect(message).toBe(`the client’s reason. On this machine ${REFUSAL}`)
    })

    it('tells it where there are no peers at all', async () => {
      code = 'no_peers'
      expect(await ask('m', stream)).toMatchObject({
        ...{ status: 503, message: expect.stringContaining(REFUSAL) },
      })
    })

    it('leaves every other failure as it is', async () => {
      expect((await ask('other', stream)).message).toBe('the client’s reason')
      models = async () => [{ ...LARGE, name: 'n', id: 'n' }]
      expect((await ask('m', stream)).message).toBe('the client’s reason')
      models = failed
      expect((await ask('m', stream)).message).toBe('the client’s reason')
      models = async () => [LARGE]
      code = 'engine_failed'
      expect((await ask('m', stream)).message).toBe('the client’s reason')
    })
  },
)
