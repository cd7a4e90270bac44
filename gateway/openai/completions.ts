import { Hono } from 'hono'
import type { CompletionRequest } from '../../protocol/index.ts'
import { headersOf, ignore, requestOptions, streamDialect, takeHints } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { EventWriter } from './event-writer.ts'
import { shownAnswer } from './shown-answer.ts'
import { wantsPeers, wantsStream, wantsUsage } from './stream-options.ts'

/** `POST /v1/completions` */
export function completions(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>().post('/v1/completions', async (c) => {
    const { body, names, left } = takeHints(await readJsonObject(c), OWN_HINTS)
    // A prompt without a conversation knows no hints.
    ignore(c, [...left, ...Object.values(names)])
    const options = requestOptions(c, context)
    const withUsage = wantsUsage(body)
    // The client validates the rest and names the field at fault.
    const request = body as unknown as CompletionRequest
    if (wantsStream(body)) {
      const answer = client.complete({ ...request, stream: true }, options)
      const writer = new EventWriter(answer, { withUsage, withPeers: wantsPeers(c) })
      return await streamDialect(c, context, answer, { writer })
    }
    const answer = await client.complete({ ...request, stream: false }, options)
    return c.json(shownAnswer(answer, body), 200, headersOf(answer))
  })
}

const OWN_HINTS = ['prompt_cache_key']
