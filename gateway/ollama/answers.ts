import { type Context, Hono } from 'hono'
import type { Answer, ChainField, ChatCompletion, Completion } from '../../client/index.ts'
import {
  type ChatChunk,
  type ChatRequest,
  type CompletionChunk,
  type CompletionRequest,
  normalizeModelId,
} from '../../protocol/index.ts'
import {
  type ContentPiece,
  headersOf,
  ignore,
  ignoreHints,
  inCallersFields,
  isCutShort,
  type OtherHints,
  piecesOf,
  readFields,
  requestOptions,
  streamDialect,
  takeHints,
  withCallersFields,
  withHints,
} from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { chatRequestOf, promptRequestOf, rawRequestOf } from './chat-request.ts'
import { checkContext } from './context-check.ts'
import { LineWriter } from './line-writer.ts'
import { joined, LineContents, type LineForm, lineOf } from './lines.ts'
import { keepLocal } from './local.ts'
import { allListings, listingOf } from './models.ts'
import { CALLERS_FIELDS } from './options.ts'
import type { AnswerFields } from './request.ts'
import { chatFields, generateFields } from './request-fields.ts'

type Asked =
  | {
      readonly kind: 'chat'
      readonly body: ChatRequest & ChainField
      /** The caller's names of hints. */
      readonly names: Readonly<Record<string, string>>
    }
  | { readonly kind: 'completion'; readonly body: CompletionRequest & ChainField }

/** `POST /api/chat` and `POST /api/generate`. They stream by default. */
export function ollamaAnswers(context: GatewayContext): Hono<GatewayEnv> {
  return new Hono<GatewayEnv>()
    .post('/api/chat', async (c) => {
      const taken = takeHints(await readJsonObject(c), OWN_HINTS)
      const request = readFields(chatFields, taken.body)
      if (!request.messages?.length) return await loaded(c, context, request, 'chat')
      return await answered(c, context, request, 'chat', () =>
        chatAsked(c, chatRequestOf(request), taken),
      )
    })
    .post('/api/generate', async (c) => {
      const taken = takeHints(await readJsonObject(c), OWN_HINTS)
      const request = readFields(generateFields, taken.body)
      if (!request.prompt && !request.images?.length) {
        return await loaded(c, context, request, 'generate')
      }
      return await answered(c, context, request, 'generate', () => {
        if (request.raw !== true) return chatAsked(c, promptRequestOf(request), taken)
        ignore(c, [...taken.left, ...Object.values(taken.names)])
        return { kind: 'completion', body: rawRequestOf(request) }
      })
    })
}

/** Hints of this API. */
const OWN_HINTS = ['think', 'keep_alive']

function chatAsked(
  c: Context<GatewayEnv>,
  chat: ChatRequest & ChainField,
  taken: OtherHints,
): Asked {
  const { request, names, left } = withHints(chat, taken, CALLERS_FIELDS)
  ignore(c, left)
  return { kind: 'chat', body: request, names }
}

/** An empty request loads or unloads a model: one of this machine. Others keep theirs loaded. */
async function loaded(
  c: Context<GatewayEnv>,
  context: GatewayContext,
  { model, keep_alive: keepAlive }: AnswerFields,
  form: LineForm,
): Promise<Response> {
  const { client, now } = context
  // The caller's own names are known without asking peers.
  const isOwn =
    /^auto$|,/.test(model) ||
    client.names.providers.some(({ name }) => model.startsWith(`${name}/`))
  // A duration as Go writes it.
  const unloads = /^0+(\.0+)?(ns|µs|us|ms|s|m|h)?$/.test(String(keepAlive))
  const isLocal = !isOwn && (await keepLocal(c, context, model, unloads ? 'unload' : 'load'))
  if (!isOwn && !isLocal) {
    listingOf(await allListings(context, c), normalizeModelId(model))
  }
  const done_reason = unloads ? 'unload' : 'load'
  return c.json({ ...lineOf({ form, model, now: now() }, {}), done: true, done_reason })
}

async function answered(
  c: Context<GatewayEnv>,
  context: GatewayContext,
  { model, options, stream, keep_alive: keepAlive }: AnswerFields,
  form: LineForm,
  translated: () => Asked,
): Promise<Response> {
  const { client, now } = context
  const asked = translated()
  if (keepAlive !== undefined && keepAlive !== null) ignore(c, ['keep_alive'])
  const carried = requestOptions(c, context)
  const hints = asked.kind === 'chat' ? { request: asked, names: asked.names } : undefined
  const elapsed = (): number => performance.now() - c.get('startedAt')
  if (options?.num_ctx) {
    checkContext(model, options.num_ctx, await client.models({ signal: c.req.raw.signal }))
  }
  return await withCallersFields(CALLERS_FIELDS, async () => {
    if (stream !== false) {
      const writer = new LineWriter({ form, model, now, elapsed })
      const answer: Answer<ChatChunk | CompletionChunk> =
        asked.kind === 'chat'
          ? client.chat({ ...asked.body, stream: true }, carried)
          : client.complete({ ...asked.body, stream: true }, carried)
      return await streamDialect(c, context, answer, {
        writer,
        reworded: (failure) => inCallersFields(failure, CALLERS_FIELDS),
        contentType: 'application/x-ndjson',
        keepAlive: () => writer.keepAlive(),
        ...(hints !== undefined && { hints }),
      })
    }
    const answer =
      asked.kind === 'chat'
        ? await client.chat({ ...asked.body, stream: false }, carried)
        : await client.complete({ ...asked.body, stream: false }, carried)
    const { usage } = answer
    const reason = answer.choices[0]?.finish_reason ?? 'stop'
    const contents = new LineContents()
    contents.isCut = isCutShort(reason)
    const pieces = wholePieces(answer).flatMap((piece) => contents.take(piece))
    const [first] = answer.skein.attempts.filter(({ ttftMs }) => ttftMs !== undefined)
    const totalMs = elapsed()
    const promptMs = Math.min(totalMs, (first?.startedMs ?? 0) + (first?.ttftMs ?? totalMs))
    if (hints !== undefined) {
      ignoreHints(c, context, hints, { peerId: answer.skein.peerId, model: answer.model })
    }
    const whole = lineOf(
      { form, model: answer.model, now: now() },
      joined([...pieces, ...contents.end()]),
      { reason, usage, totalMs, promptMs, verification: answer.skein.verification },
    )
    return c.json(whole, 200, headersOf(answer))
  })
}

function wholePieces(answer: ChatCompletion | Completion): ContentPiece[] {
  if (answer.object === 'chat.completion') return piecesOf(answer)
  return answer.choices.map(({ text }) => ({ type: 'text', text, logprobs: [] }))
}
