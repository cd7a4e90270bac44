import { Hono } from 'hono'
import type { ChatRequest } from '../../protocol/index.ts'
import {
  headersOf,
  ignore,
  ignoreHints,
  requestOptions,
  streamDialect,
  withoutHosted,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { type JsonBody, readJsonObject } from '../http/index.ts'
import { withAllowedTools } from './allowed-tools.ts'
import { customAsFunctions, inCustomForm } from './custom-tools.ts'
import { EventWriter } from './event-writer.ts'
import { inOpenAiFields } from './other-fields.ts'
import { shownAnswer } from './shown-answer.ts'
import { wantsPeers, wantsStream, wantsUsage } from './stream-options.ts'

/** `POST /v1/chat/completions` */
export function chatCompletions(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>().post('/v1/chat/completions', async (c) => {
    const read = inOpenAiFields(await readJsonObject(c.req.raw))
    const asked = customAsFunctions(read.body)
    const allowed = withAllowedTools(asked.body)
    const { body, left } = withoutHosted(allowed, (type) => type === 'function')
    ignore(c, [...read.left, ...left, ...cacheHintsOf(body)])
    const { custom } = asked
    const options = {
      ...requestOptions(c, context),
      // The input of a custom tool is inside the arguments, which have to be whole.
      ...(custom.size > 0 && { toolCalls: 'whole' as const }),
    }
    const withUsage = wantsUsage(body)
    // The client validates the rest and names the field at fault.
    const request = body as unknown as ChatRequest
    const hints = { request: { kind: 'chat', body: request }, names: read.names } as const
    if (wantsStream(body)) {
      const answer = client.chat({ ...request, stream: true }, options)
      const writer = new EventWriter(answer, { withUsage, withPeers: wantsPeers(c), custom })
      return await streamDialect(c, context, answer, { writer, hints })
    }
    const answer = await client.chat({ ...request, stream: false }, options)
    ignoreHints(c, context, hints, { peerId: answer.skein.peerId, model: answer.model })
    const shown = inCustomForm(answer, custom)
    return c.json(shownAnswer(shown, body), 200, headersOf(answer))
  })
}

/** How long a prompt may be cached; peers decide that by themselves. */
function cacheHintsOf({ prompt_cache_retention: retention }: JsonBody): string[] {
  return typeof retention === 'string' ? ['prompt_cache_retention'] : []
}
