import { Hono } from 'hono'
import type { ChatRequest } from '../../protocol/index.ts'
import {
  headersOf,
  ignore,
  ignoreHints,
  requestOptions,
  streamDialect,
  takeHints,
  withHints,
  withoutHosted,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { type JsonBody, readJsonObject } from '../http/index.ts'
import { withAllowedTools } from './allowed-tools.ts'
import { withoutMarks } from './continue-marks.ts'
import { customAsFunctions, inCustomForm } from './custom-tools.ts'
import { EventWriter } from './event-writer.ts'
import { shownAnswer } from './shown-answer.ts'
import { wantsPeers, wantsStream, wantsUsage } from './stream-options.ts'

/** `POST /v1/chat/completions` */
export function chatCompletions(context: GatewayContext): Hono<GatewayEnv> {
  const { client } = context
  return new Hono<GatewayEnv>().post('/v1/chat/completions', async (c) => {
    const taken = takeHints(await readJsonObject(c), OWN_HINTS)
    const asked = customAsFunctions(withoutMarks(taken.body))
    const allowed = withAllowedTools(asked.body)
    const { body, left } = withoutHosted(allowed, (type) => type === 'function')
    // The client validates the rest and names the field at fault.
    const hinted = withHints(body as unknown as ChatRequest, taken)
    const { request } = hinted
    ignore(c, [...hinted.left, ...left, ...cacheHintsOf(body)])
    const { custom } = asked
    const options = {
      ...requestOptions(c, context),
      // The input of a custom tool is inside the arguments, which have to be whole.
      ...(custom.size > 0 && { toolCalls: 'whole' as const }),
    }
    const withUsage = wantsUsage(body)
    const hints = { request: { kind: 'chat', body: request }, names: hinted.names } as const
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

/** Hints of OpenAI's chats. The client reads them. */
const OWN_HINTS = ['reasoning_effort', 'verbosity', 'parallel_tool_calls', 'prompt_cache_key']

/** Marks of where a prompt may be cached, which other APIs have in messages and tools; peers decide that by themselves. */
function cacheHintsOf({ messages, tools }: JsonBody): string[] {
  const has = listed(messages).some(isMarkedWithin) || listed(tools).some(isMarked)
  return has ? ['cache_control'] : []
}

function isMarkedWithin(message: unknown): boolean {
  const parts = isRecord(message) ? message['content'] : undefined
  return isMarked(message) || (Array.isArray(parts) && parts.some(isMarked))
}

function isMarked(value: unknown): boolean {
  return isRecord(value) && isRecord(value['cache_control'])
}

function listed(list: unknown): readonly unknown[] {
  return Array.isArray(list) ? list : []
}

function isRecord(value: unknown): value is JsonBody {
  return typeof value === 'object' && value !== null
}
