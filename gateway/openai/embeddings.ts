import { Hono } from 'hono'
import { toString as encode } from 'uint8arrays/to-string'
import type { EmbeddingRequest } from '../../protocol/index.ts'
import { headersOf, requestOptions, withoutSkein } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'

/** `POST /v1/embeddings` */
export function embeddings(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>().post('/v1/embeddings', async (c) => {
    const body = await readJsonObject(c.req.raw)
    // What it lacks the client finds out, and names.
    const request = body as unknown as EmbeddingRequest
    const answer = await client.embed(request, requestOptions(c, context))
    context.spend(c.get('caller'), answer.usage.total_tokens)
    const { data, ...rest } = withoutSkein(answer)
    const shown =
      body.encoding_format === 'base64'
        ? data.map((item) => ({ ...item, embedding: base64(item.embedding) }))
        : data
    return c.json({ ...rest, data: shown }, 200, headersOf(answer))
  })
}

/** Numbers of 32 bits in little-endian order, which is what OpenAI's clients unpack. */
function base64(numbers: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(numbers.length * 4))
  numbers.forEach((value, index) => {
    view.setFloat32(index * 4, value, true)
  })
  return encode(new Uint8Array(view.buffer), 'base64pad')
}
