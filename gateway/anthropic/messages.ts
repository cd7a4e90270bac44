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
  takeHints,
  withCallersFields,
  withHints,
  withoutHosted,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { type JsonBody, readJsonObject, skeinField } from '../http/index.ts'
import { Blocks } from './blocks.ts'
import { CALLERS_FIELDS, chatRequestOf, promptOf } from './chat-request.ts'
import { EventWriter, PING } from './event-writer.ts'
import { readableBlocks } from './hosted-blocks.ts'
import { messageObject, messageUsageOf, stopOf } from './message-object.ts'
import type { MessageFields, PromptFields } from './request.ts'
import { CLEARS_THINKING, countFields, messageFields } from './request-fields.ts'

/** `POST /v1/messages` and `POST /v1/messages/count_tokens`, as Anthropic's SDK calls them. */
export function messages(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>()
    .use('/v1/messages', async (c, next) => {
      await next()
      c.res.headers.set('request-id', c.get('requestId'))
    })
    .post('/v1/messages', async (c) => {
      const taken = takeHints(await readJsonObject(c), OWN_HINTS)
      const request = readFields(messageFields, asked(c, taken.body))
      const hinted = withHints(chatRequestOf(request), taken, hintNames(request))
      const { request: chat, names } = hinted
      ignore(c, [...hinted.left, ...leftOut(request)])
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
      const taken = takeHints(await readJsonObject(c), OWN_HINTS)
      const request = readFields(countFields, asked(c, taken.body))
      ignore(c, [...taken.left, ...Object.values(taken.names), ...leftOut(request)])
      const tokens = estimatePromptTokens({ kind: 'chat', body: promptOf(request) })
      // Only the answering engine can count exactly.
      return c.json({ input_tokens: tokens }, 200, { 'x-skein-estimated': 'true' })
    })
}

/** Hints of this API. */
const OWN_HINTS = ['thinking', 'output_config', 'cache_control']

/** What asks for nothing that an engine here could do. */
function leftOut(request: PromptFields): string[] {
  const { output_config: config, context_management: management, thinking } = request
  const shortens = management?.edits?.some(({ type }) => type !== CLEARS_THINKING)
  return [
    ...(config?.effort && thinking?.type === 'disabled' ? ['output_config.effort'] : []),
    ...(config?.task_budget ? ['output_config.task_budget'] : []),
    ...(shortens === true ? ['context_management'] : []),
  ]
}

/** There are two ways to request an effort. Thinking that is switched off goes first. */
function hintNames({ output_config: config, thinking }: MessageFields): Names {
  const isEffort = Boolean(config?.effort) && thinking?.type !== 'disabled'
  return isEffort ? CALLERS_FIELDS : { ...CALLERS_FIELDS, reasoning_effort: 'thinking' }
}

type Names = Readonly<Record<string, string>>

/** A request without what Anthropic's servers would run, or have run, and without cache hints. */
function asked(c: Context<GatewayEnv>, sent: JsonBody): JsonBody {
  const read = readableBlocks(withFormat(sent))
  const { body, left } = withoutHosted(read.body, (type) => type === 'custom')
  ignore(c, [...left, ...read.left])
  // Inside a string the quotes would be escaped.
  if (JSON.stringify(sent).includes('"cache_control":{')) ignore(c, ['cache_control'])
  return body
}

/** `output_format` is the name that `output_config.format` had in the beta. */
function withFormat(sent: JsonBody): JsonBody {
  const { output_format: format, output_config: config, ...rest } = sent
  if (format === undefined) return sent
  const isConfig = typeof config === 'object' && config !== null
  if (config !== undefined && config !== null && !isConfig) return sent
  return { ...rest, output_config: { format, ...config } }
}
