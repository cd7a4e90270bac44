import { Hono } from 'hono'
import type { EmbeddingRequest } from '../../protocol/index.ts'
import { headersOf, requestOptions } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { shownAnswer } from './shown-answer.ts'

/** `POST /v1/embeddings` */
export function embeddings(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>().post('/v1/embeddings', async (c) => {
    const body = await readJsonObject(c)
    // The client validates the rest and names the field at fault.
    const request = body as unknown as EmbeddingRequest
    const answer = await client.embed(request, requestOptions(c, context))
    return c.json(shownAnswer(answer, body), 200, headersOf(answer))
  })
}
