import { Hono } from 'hono'
import {
  headersOf,
  present,
  readFields,
  requestOptions,
  withCallersFields,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { nanoseconds } from './lines.ts'
import { CALLERS_FIELDS } from './options.ts'
import { embeddingsFields, embedFields } from './request-fields.ts'

/** `POST /api/embed`, and the older `POST /api/embeddings`, which takes one text. */
export function ollamaEmbed(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>()
    .post('/api/embed', async (c) => {
      const request = readFields(embedFields, await readJsonObject(c))
      const { model, models, input, dimensions } = request
      const took = { total_duration: 0, load_duration: 0, prompt_eval_count: 0 }
      if (input.length === 0) return c.json({ model, embeddings: [], ...took })
      const options = requestOptions(c, context)
      const asked = { model, input, ...present({ models, dimensions }) }
      const answer = await withCallersFields(CALLERS_FIELDS, () => client.embed(asked, options))
      return c.json(
        {
          model: answer.model,
          embeddings: answer.data.map(({ embedding }) => embedding),
          ...took,
          total_duration: nanoseconds(performance.now() - c.get('startedAt')),
          prompt_eval_count: answer.usage.prompt_tokens,
        },
        200,
        headersOf(answer),
      )
    })
    .post('/api/embeddings', async (c) => {
      const request = readFields(embeddingsFields, await readJsonObject(c))
      const { model, models, prompt: input } = request
      if (input === '') return c.json({ embedding: [] })
      const options = requestOptions(c, context)
      const answer = await client.embed({ model, input, ...present({ models }) }, options)
      return c.json({ embedding: answer.data[0]?.embedding ?? [] }, 200, headersOf(answer))
    })
}
