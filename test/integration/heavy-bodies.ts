import type { GatewayClient } from '../../gateway/gateway-client.ts'
import { createGateway } from '../../gateway/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import type { HeavyInput } from './heavy-inputs.ts'

const many = (piece: string, count: number): string => Array(count).fill(piece).join()
const fieldsOf = (count: number, value: string): string =>
  Array.from({ length: count }, (_, n) => `"f${n}":${value}`).join()
const USER = '[{"role":"user","content":"a"}]'
const IMAGE = 'iVBORw0KGgo='.repeat(1_200_000)
const SCHEMA = `{"type":"object","properties":{${fieldsOf(30, '{"type":"string","pattern":"^(a+)+$"}')}}}`
const strict = (schema: string): string =>
  `"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":${schema}}}`
const chat = (rest: string): [string, string] => [
  '/v1/chat/completions',
  `"messages":${USER},${rest}`,
]

/** Bodies that are costly to read, of each API; what their endpoints do before a peer is asked. */
const bodies: Readonly<Record<string, [path: string, fields: string]>> = {
  tools: chat(
    `"tools":[${many(`{"type":"function","function":{"name":"f","parameters":${SCHEMA}}}`, 1_000)}]`,
  ),
  patterns: chat(strict(`{"properties":{${fieldsOf(40_000, '{"pattern":"^(a+)+$"}')}}}`)),
  'one long pattern': chat(strict(`{"pattern":"${'(a+)+'.repeat(3_000_000)}"}`)),
  constants: chat(strict(`{"enum":[${many('"abc"', 200_000)}]}`)),
  biases: chat(`"logit_bias":{${fieldsOf(130_000, '1')}}`),
  'one long number': chat(`"seed":${'9'.repeat(15_000_000)}`),
  'repeated fields': chat(many('"temperature":0', 200_000)),
  'an image': [
    '/v1/chat/completions',
    `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,${IMAGE}"}}]}]`,
  ],
  'token ids': ['/v1/completions', `"prompt":[${many('12345', 262_144)}]`],
  'lists of token ids': ['/v1/embeddings', `"input":[${many(`[${many('1', 200)}]`, 2_048)}]`],
  'blocks of Messages': [
    '/v1/messages',
    `"max_tokens":1,"messages":${USER},"system":[${many('{"type":"text","text":"a"}', 60_000)}]`,
  ],
  'an image of Messages': [
    '/v1/messages',
    `"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"${IMAGE}"}}]}]`,
  ],
  'items of Responses': [
    '/v1/responses',
    `"input":[${many('{"type":"web_search_call","id":"a","status":"completed"}', 40_000)}]`,
  ],
  'images of Ollama': [
    '/api/chat',
    `"messages":[{"role":"user","content":"a","images":["${IMAGE}"]}]`,
  ],
  'options of Ollama': ['/api/generate', `"prompt":"a","options":{${fieldsOf(130_000, '1')}}`],
}

const refuse = (): never => {
  throw new InferenceError('no_peers', 'no peers')
}
const client = {
  names: { providers: [], aliases: [] },
  ...{ chat: refuse, complete: refuse, embed: refuse, models: async () => [] },
  observe: () => () => {},
} as unknown as GatewayClient

export const HEAVY_BODIES: readonly HeavyInput[] = Object.entries(bodies).map(
  ([input, [path, fields]]) => ({
    ...{ role: 'gateway', input: `a body of ${input}` },
    work: async () => {
      const gateway = createGateway(client)
      const body = new TextEncoder().encode(`{"model":"m",${fields}}`)
      return async () => {
        const response = await gateway.fetch(`http://x${path}`, { method: 'POST', body })
        await response.text()
      }
    },
  }),
)
