import { type Context, Hono } from 'hono'
import {
  headersOf,
  ignore,
  ignoreHints,
  inCallersFields,
  piecesOf,
  readFields,
  requestOptions,
  streamDialect,
  takeHints,
  withCallersFields,
  withHints,
  withoutHosted,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { offeredTools } from './callable-tools.ts'
import { CALLERS_FIELDS, chatRequestOf } from './chat-request.ts'
import { EventWriter } from './event-writer.ts'
import { withoutHostedItems } from './hosted-items.ts'
import { Output } from './output.ts'
import { responseFields } from './request-fields.ts'
import { cutShort, type ResponseHead, responseObject } from './response-object.ts'

/** `POST /v1/responses`. Nothing is stored, so responses cannot be retrieved or deleted. */
export function responses(context: GatewayContext): Hono<GatewayEnv> {
  const { client, now } = context
  const seconds = (): number => Math.floor(now() / 1_000)
  return new Hono<GatewayEnv>()
    .post('/v1/responses', async (c) => {
      const taken = takeHints(await readJsonObject(c), OWN_HINTS)
      const read = withoutHostedItems(taken.body)
      const { body, left } = withoutHosted(read.body, isCallable)
      const request = readFields(responseFields, body)
      const { request: chat, ...hinted } = withHints(chatRequestOf(request), taken, CALLERS_FIELDS)
      ignore(c, [...left, ...read.left, ...hinted.left])
      const options = requestOptions(c, context)
      const hints = { request: { kind: 'chat', body: chat }, names: hinted.names } as const
      const suffix = c.get('requestId').replace(/^req_/, '')
      const head: ResponseHead = { id: `resp_${suffix}`, createdAt: seconds(), request }
      return await withCallersFields(CALLERS_FIELDS, async () => {
        if (request.stream === true) {
          const answer = client.chat({ ...chat, stream: true }, options)
          return await streamDialect(c, context, answer, {
            writer: new EventWriter({ head, suffix, seconds }),
            reworded: (failure) => inCallersFields(failure, CALLERS_FIELDS),
            hints,
          })
        }
        const answer = await client.chat({ ...chat, stream: false }, options)
        const { usage, choices, model } = answer
        const { verification } = answer.skein
        ignoreHints(c, context, hints, { peerId: answer.skein.peerId, model })
        const output = new Output(suffix, offeredTools(request.tools ?? []))
        const finishReason = choices[0]?.finish_reason ?? 'stop'
        for (const piece of piecesOf(answer)) output.take(piece)
        output.end(cutShort(finishReason) === undefined ? 'completed' : 'incomplete')
        const completedAt = seconds()
        const state = { status: 'ended', finishReason, usage, completedAt, verification } as const
        return c.json(responseObject(head, model, output.items, state), 200, headersOf(answer))
      })
    })
    .all('/v1/responses/*', notStored)
}

/** Hints of this API. */
const OWN_HINTS = ['reasoning', 'text', 'parallel_tool_calls', 'prompt_cache_key']

/** Tools that the caller's own code carries out. */
function isCallable(type: string): boolean {
  return type === 'function' || type === 'custom' || type === 'namespace'
}

function notStored(c: Context<GatewayEnv>): Response {
  const message = `${c.req.method} ${c.req.path} is not supported: responses are not stored`
  const error = { message, type: 'invalid_request_error', param: null, code: 'not_found' }
  return c.json({ error }, 404)
}
