import { randomBytes } from 'node:crypto'
import {
  embeddingInputs,
  InferenceError,
  type InferenceRequest,
  type ToolCallDelta,
} from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { BackendChunk, BackendDone, BackendEvent, BackendModel } from '../backend.ts'
import { maxTokensOf, stopStringsOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import { StopMatcher } from '../stop-matcher.ts'
import { defaultAnswer, embed, promptText } from './answer.ts'
import { deltaChunk, embeddingChunk, garbageChunk, textChunk } from './chunks.ts'
import { pauseFor } from './pause.ts'
import { scoreAnswer } from './score.ts'
import type { Script, ScriptedCall } from './script.ts'
import { decodeToken, decodeTokens, encodeTokens, isToken } from './tokens.ts'

const DEFAULT_DIMENSIONS = 16

/** Stands for the beginning of a tool call: a character of the private use area. */
const CALL_TOKEN = 0xe000

/** Thrown internally to end the answer without its terminal event. */
export const ENDED: unique symbol = Symbol('ended')

export type Call = { -readonly [Field in keyof ScriptedCall]: ScriptedCall[Field] } & {
  /** From 0, in the order of arrival. */
  readonly number: number
}

/** One running request. */
export interface Run {
  readonly model: BackendModel
  readonly script: Script
  readonly call: Call
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly paceMs: number
}

export async function* answer(request: InferenceRequest, run: Run): AsyncGenerator<BackendEvent> {
  const { model, script, signal, clock } = run
  const startedAt = clock.now()
  if (script.gate !== undefined) await raceSignal(script.gate, signal)
  if (request.kind === 'score') requireTokens(request.body.completion, 'completion')
  const inputs = inputsOf(request)
  const lengths = inputs.map((input) => encodeTokens(input).length)
  for (const length of lengths) requireRoom(length, model)
  await pauseFor(script.prefillMs ?? 0, run)
  const decodingAt = clock.now()
  const promptTokens = lengths.reduce((sum, length) => sum + length, 0)
  if (request.kind === 'score') {
    const json = scoreAnswer(request.body, script.answer)
    yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
  } else if (request.kind === 'embedding') {
    yield* embeddings(inputs, request.body.dimensions ?? DEFAULT_DIMENSIONS, run)
  } else {
    yield* generate(request, run, inputs[0] ?? '', promptTokens)
  }
  const usage = { promptTokens, completionTokens: run.call.tokens, cachedPromptTokens: 0 }
  const prefillMs = Math.round(decodingAt - startedAt)
  const decodeMs = Math.round(clock.now() - decodingAt)
  yield { type: 'done', usage, timings: { prefillMs, decodeMs } } satisfies BackendDone
}

function inputsOf(request: InferenceRequest): readonly string[] {
  if (request.kind === 'score') {
    const { request: asked, completion } = request.body
    return [promptText(asked, decodeTokens) + decodeTokens(completion)]
  }
  if (request.kind !== 'embedding') return [promptText(request, decodeTokens)]
  const { input } = request.body
  return embeddingInputs(input).map((one) => {
    if (typeof one === 'string') return one
    requireTokens(one, 'input')
    return decodeTokens(one)
  })
}

function requireRoom(promptTokens: number, { id, contextLength }: BackendModel): void {
  if (contextLength === 0 || promptTokens < contextLength) return
  const message = `the prompt has ${promptTokens} tokens, ${id} holds ${contextLength} here`
  throw new InferenceError('context_too_long', message, {
    details: { promptTokens, contextLength },
  })
}

async function* embeddings(
  inputs: readonly string[],
  dimensions: number,
  run: Run,
): AsyncGenerator<BackendChunk> {
  for (const [index, input] of inputs.entries()) {
    yield* fault(run, index)
    yield embeddingChunk(index, embed(input, dimensions))
    await pauseFor(run.paceMs, run)
  }
}

async function* generate(
  request: TextRequest,
  run: Run,
  prompt: string,
  promptTokens: number,
): AsyncGenerator<BackendChunk> {
  const { model, call } = run
  const { kind } = request
  const withLogprobs = wantsLogprobs(request)
  const plan = planOf(request, run, prompt)
  const before = tokensBefore(call, plan)
  const room = model.contextLength === 0 ? Infinity : model.contextLength - promptTokens
  const limit = Math.min(maxTokensOf(request) ?? Infinity, room)
  const { reasoning, whole, calls } = plan
  for (const [at, token] of reasoning.entries()) {
    if (at < before.reasoning) continue
    yield* step(run, deltaChunk(model.id, { reasoning_content: decodeToken(token) }, [token]))
  }
  const end = Math.min(whole.length, Math.max(0, limit - reasoning.length))
  const stops = new StopMatcher(stopStringsOf(request))
  // The prefix passes through the matcher too: a stop string may span the seam.
  const seam = stops.push(decodeTokens(whole.slice(0, before.text)))
  let shown = fromByte(seam.text, call.resume?.deliveredBytes ?? 0)
  let ids: number[] = []
  let { stopped, stop } = seam
  for (const token of stopped ? [] : whole.slice(before.text, end)) {
    yield* fault(run, call.tokens)
    call.tokens += 1
    ids.push(token)
    const released = stops.push(decodeToken(token))
    shown += released.text
    ;({ stopped, stop } = released)
    if (stopped) break
    if (shown !== '') {
      yield textChunk(kind, model.id, { text: shown, ids, finish: null, withLogprobs })
      shown = ''
      ids = []
    }
    await pauseFor(run.paceMs, run)
  }
  const text = shown + stops.flush()
  if (calls.length > 0 && !stopped && end === whole.length) {
    if (text !== '') yield textChunk(kind, model.id, { text, ids, finish: null, withLogprobs })
    yield* writeCalls(plan, run, { before: before.calls, limit })
    return
  }
  if (!stopped) yield* fault(run, call.tokens)
  const finish = stopped || end >= whole.length ? 'stop' : 'length'
  yield textChunk(kind, model.id, { text, ids, finish, withLogprobs, stop })
}

/** The tokens of an answer, as an undisturbed engine writes them. */
interface AnswerPlan {
  readonly reasoning: readonly number[]
  readonly whole: readonly number[]
  /** For each token of the calls, what it adds. */
  readonly calls: readonly { readonly token: number; readonly delta: ToolCallDelta }[]
}

function planOf(request: TextRequest, { script }: Run, prompt: string): AnswerPlan {
  const isChat = request.kind === 'chat'
  const calls = isChat ? (script.toolCalls ?? []) : []
  const answer = script.answer ?? (calls.length > 0 ? '' : defaultAnswer(request, prompt))
  return {
    reasoning: encodeTokens(isChat ? (script.reasoning ?? '') : ''),
    whole: encodeTokens(answer),
    calls: calls.flatMap(({ name, arguments: text }, index) => [
      {
        token: CALL_TOKEN,
        // Another id at each engine, as real ones have it.
        delta: {
          ...{ index, id: `call_${randomBytes(12).toString('hex')}`, type: 'function' as const },
          function: { name, arguments: '' },
        },
      },
      ...encodeTokens(text).map((token) => ({
        token,
        delta: { index, function: { arguments: decodeToken(token) } },
      })),
    ]),
  }
}

/** How many tokens of each part the answer has already. */
function tokensBefore(
  { resume }: Call,
  { reasoning, whole, calls }: AnswerPlan,
): { readonly reasoning: number; readonly text: number; readonly calls: number } {
  if (resume === undefined) return { reasoning: 0, text: 0, calls: 0 }
  if (resume.tokenIds.length === 0) {
    const text = encodeTokens(resume.text).length
    return { reasoning: encodeTokens(resume.reasoning ?? '').length, text, calls: 0 }
  }
  requireTokens(resume.tokenIds, 'resume')
  const written = resume.tokenIds.length
  const all = [...reasoning, ...whole, ...calls.map(({ token }) => token)]
  const delivered = new TextEncoder().encode(resume.text).subarray(0, resume.deliveredBytes)
  const text = decodeTokens(resume.tokenIds.slice(reasoning.length))
  if (
    resume.tokenIds.some((id, at) => at >= reasoning.length + whole.length && id !== all[at]) ||
    !text.startsWith(new TextDecoder().decode(delivered))
  ) {
    throw new InferenceError(
      'not_resumable',
      'the token ids do not decode to the text delivered so far',
    )
  }
  const inText = Math.max(0, written - reasoning.length)
  return {
    reasoning: Math.min(written, reasoning.length),
    text: Math.min(inText, whole.length),
    calls: Math.max(0, inText - whole.length),
  }
}

/** Calls that were begun in the prefix are written from their start again, without ids. */
async function* writeCalls(
  { reasoning, whole, calls }: AnswerPlan,
  run: Run,
  { before, limit }: { readonly before: number; readonly limit: number },
): AsyncGenerator<BackendChunk> {
  const { model } = run
  const end = Math.min(calls.length, limit - reasoning.length - whole.length)
  for (const [at, { token, delta }] of calls.slice(0, end).entries()) {
    if (at < before) yield deltaChunk(model.id, { tool_calls: [delta] })
    else yield* step(run, deltaChunk(model.id, { tool_calls: [delta] }, [token]))
  }
  yield* fault(run, run.call.tokens)
  yield deltaChunk(model.id, {}, [], end < calls.length ? 'length' : 'tool_calls')
}

/** Writes one token. */
async function* step(run: Run, chunk: BackendChunk): AsyncGenerator<BackendChunk> {
  yield* fault(run, run.call.tokens)
  run.call.tokens += 1
  yield chunk
  await pauseFor(run.paceMs, run)
}

function requireTokens(ids: readonly number[], param: string): void {
  if (ids.every(isToken)) return
  throw new InferenceError('invalid_request', 'a token id is outside the vocabulary', {
    details: { param },
  })
}

function fromByte(text: string, bytes: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(bytes))
}

/** Applies the script's fault for this point of the answer. */
async function* fault({ script, signal }: Run, tokens: number): AsyncGenerator<BackendChunk> {
  if (script.fault === undefined || (script.fault.afterTokens ?? 0) !== tokens) return
  switch (script.fault.type) {
    case 'throw':
      throw script.fault.error
    case 'end':
      throw ENDED
    case 'stall':
      await raceSignal(new Promise<never>(() => {}), signal)
      return
    case 'garbage':
      yield garbageChunk()
      return
    default:
      script.fault satisfies never
  }
}

async function raceSignal(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([wait, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
