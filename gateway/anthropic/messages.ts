import { type Context, Hono } from 'hono'
import { estimatePromptTokens } from '../../client/index.ts'
import {
  headersOf,
  ignore,
  ignoreHints,
  inCallersFields,
  isCutShort,
  piecesOf,
  readFields,
  requestOptions,
  streamDialect,
  withCallersFields,
  withoutHosted,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { type JsonBody, readJsonObject, skeinField } from '../http/index.ts'
import { Blocks } from './blocks.ts'
import { CALLERS_FIELDS, chatRequestOf, promptOf } from './chat-request.ts'
import { EventWriter, PING } from './event-writer.ts'
import { messageObject, messageUsageOf, stopOf } from './message-object.ts'
import type { MessageFields } from './request.ts'
import { countFields, messageFields } from './request-fields.ts'

/** `POST /v1/messages` and `POST /v1/messages/count_tokens`, as Anthropic's SDK calls them. */
export function messages(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>()
    .use('/v1/messages', async (c, next) => {
      await next()
      c.header('request-id', c.get('requestId'))
    })
    .post('/v1/messages', async (c) => {
      const request = readFields(messageFields, asked(c, await readJsonObject(c.req.raw)))
      const chat = chatRequestOf(request)
      const names = hintNames(request)
      const hints = { request: { kind: 'chat', body: chat }, names } as const
      const options = requestOptions(c, context)
      const requestId = c.get('requestId')
      const head = { id: requestId.replace(/^req/, 'msg'), model: request.model }
      return await withCallersFields(CALLERS_FIELDS, async () => {
        if (request.stream === true) {
          const estimatedTokens = estimatePromptTokens({ kind: 'chat', body: chat })
          const answer = client.chat({ ...chat, stream: true }, options)
          return await streamDialect(c, context, answer, {
            writer: new EventWriter({ head, requestId, estimatedTokens }),
            reworded: (failure) => inCallersFields(failure, CALLERS_FIELDS),
            hints,
            keepAlive: () => PING,
          })
        }
        const answer = await client.chat({ ...chat, stream: false }, options)
        const { usage, choices, model } = answer
        ignoreHints(c, context, hints, { peerId: answer.skein.peerId, model })
        const { finish_reason: reason = 'stop', stop_reason: met } = choices[0] ?? {}
        const blocks = new Blocks()
        blocks.isCut = isCutShort(reason)
        for (const piece of piecesOf(answer)) blocks.take(piece)
        blocks.end()
        const end = {
          stop: stopOf(reason, met, blocks.content),
          usage: messageUsageOf(usage),
        }
        const message = messageObject({ ...head, model }, blocks.content, end)
        const body = { ...message, ...skeinField(answer.skein.verification) }
        return c.json(body, 200, headersOf(answer))
      })
    })
    .post('/v1/messages/count_tokens', async (c) => {
      const request = readFields(countFields, asked(c, await readJsonObject(c.req.raw)))
      const tokens = estimatePromptTokens({ kind: 'chat', body: promptOf(request) })
      // Only the answering engine can count exactly.
      return c.json({ input_tokens: tokens }, 200, { 'x-skein-estimated': 'true' })
    })
}

/** There are two ways to request an effort. */
function hintNames({ output_config: config }: MessageFields): Readonly<Record<string, string>> {
  return config?.effort ? CALLERS_FIELDS : { ...CALLERS_FIELDS, reasoning_effort: 'thinking' }
}

/** A request without the tools that Anthropic's servers would run, and without cache hints. */
function asked(c: Context<GatewayEnv>, sent: JsonBody): JsonBody {
  const { body, left } = withoutHosted(sent, (type) => type === 'custom')
  ignore(c, left)
  // Inside a string the quotes would be escaped.
  if (JSON.stringify(sent).includes('"cache_control":{')) ignore(c, ['cache_control'])
  return body
}
