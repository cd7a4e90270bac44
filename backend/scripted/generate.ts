import { embeddingInputs, InferenceError, type InferenceRequest } from '../../protocol/index.ts'
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

/** Thrown internally to end the answer without its terminal event. */
export const ENDED: unique symbol = Symbol('ended')

export type Call = { -readonly [Field in keyof ScriptedCall]: ScriptedCall[Field] }

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
  const { model, script, call } = run
  const { kind } = request
  if (kind === 'chat' && script.reasoning !== undefined) {
    yield deltaChunk(model.id, { reasoning_content: script.reasoning })
  }
  if (kind === 'chat' && script.toolCall !== undefined) {
    const tool = { index: 0, id: 'call_0', type: 'function', function: script.toolCall } as const
    yield* fault(run, 0)
    yield deltaChunk(model.id, { tool_calls: [tool] })
    yield deltaChunk(model.id, {}, 'tool_calls')
    return
  }
  const withLogprobs = wantsLogprobs(request)
  const whole = encodeTokens(script.answer ?? defaultAnswer(request, prompt))
  const before = prefixOf(call)
  const room = model.contextLength === 0 ? Infinity : model.contextLength - promptTokens
  const end = Math.min(whole.length, maxTokensOf(request) ?? Infinity, room)
  const stops = new StopMatcher(stopStringsOf(request))
  // The prefix passes through the matcher too: a stop string may span the seam.
  const seam = stops.push(decodeTokens(before))
  let shown = fromByte(seam.text, call.resume?.deliveredBytes ?? 0)
  let ids: number[] = []
  let { stopped, stop } = seam
  for (const token of stopped ? [] : whole.slice(before.length, end)) {
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
  if (!stopped) yield* fault(run, call.tokens)
  const finish = stopped || end >= whole.length ? 'stop' : 'length'
  const text = shown + stops.flush()
  yield textChunk(kind, model.id, { text, ids, finish, withLogprobs, stop })
}

/** Tokens that the answer already has. */
function prefixOf({ resume }: Call): readonly number[] {
  if (resume === undefined) return []
  if (resume.tokenIds.length === 0) return encodeTokens(resume.text)
  requireTokens(resume.tokenIds, 'resume')
  const delivered = new TextEncoder().encode(resume.text).subarray(0, resume.deliveredBytes)
  if (decodeTokens(resume.tokenIds).startsWith(new TextDecoder().decode(delivered))) {
    return resume.tokenIds
  }
  throw new InferenceError(
    'not_resumable',
    'the token ids do not decode to the text delivered so far',
  )
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
