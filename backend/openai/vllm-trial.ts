import { createHash } from 'node:crypto'
import type { ChatMessage } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { beginsWithChannel } from '../channels/index.ts'
import { asArray, asNumber, asRecord, asString, isPassing, parseJson } from '../http/index.ts'
import { answerByTokens } from './token-answer.ts'
import { tokenIdsIn } from './token-ids.ts'
import { type VllmModel, vllmPrompt } from './vllm-prompt.ts'
import { vllmScore } from './vllm-score.ts'
import { vllmTokens } from './vllm-tokens.ts'

const TRIAL_TOKENS = 4
const CUT = 2
const ASKED: readonly ChatMessage[] = [{ role: 'user', content: 'Count from 1 to 9.' }]
/** A conversation with every role, to see how the template renders each. */
const ALL_ROLES: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'One?' },
  { role: 'assistant', content: 'Two.' },
  { role: 'user', content: 'Three?' },
]

/**
 * Whether a vLLM reports the ids of all tokens, continues from any of them, and rates them: four tokens of an answer must
 * have four ids, the first two must lead to the other two, and each must have a probability. One that separates reasoning
 * does not qualify, since its stream leaves out the tokens between reasoning and answer; nor does one whose channels have to
 * be read here, as their marks are no text. Undefined if it was busy, silent or absent.
 */
export async function answersByTokens(
  vllm: VllmModel & { readonly contextLength: number },
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const { engineName: model } = vllm
  const body = { model, messages: ASKED, max_tokens: TRIAL_TOKENS, temperature: 0 }
  try {
    const written = await firstTokens(vllm, body, signal)
    if (written.length === 0) return false
    const fresh = { ...vllm, cacheSalt: undefined, signal }
    const before = written.slice(0, CUT)
    const resume = { tokenIds: before, text: '', deliveredBytes: 0 }
    const rest: number[] = []
    const run = { engine: vllmTokens(fresh), model, resume, signal }
    for await (const event of answerByTokens({ kind: 'chat', body }, run)) {
      if (event.type === 'chunk') rest.push(...event.tokenIds)
    }
    if ([...before, ...rest].join() !== written.join()) return false
    const request = { kind: 'chat', body } as const
    const rated = vllmScore({ model, request, completion: written }, fresh)
    return (await Array.fromAsync(rated)).length > 0
  } catch (error) {
    signal.throwIfAborted()
    return isPassing(error) ? undefined : false
  }
}

/** Ids of an answer's tokens; empty unless all are reported. */
async function firstTokens(
  { http }: VllmModel,
  body: object,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const asked = { ...body, stream: true, stream_options: { include_usage: true } }
  const events = http.stream(
    '/v1/chat/completions',
    { ...asked, return_token_ids: true },
    { signal, framing: 'events' },
  )
  const ids: number[] = []
  let counted = 0
  for await (const records of events) {
    for (const record of records) {
      const { choices, usage } = parseJson(record)
      const { token_ids: reported, delta } = asRecord(asArray(choices)[0])
      const { content, reasoning, reasoning_content: reasoningContent } = asRecord(delta)
      if ((reasoning ?? reasoningContent ?? null) !== null) return []
      if (beginsWithChannel(asString(content)) === true) return []
      ids.push(...tokenIdsIn(reported))
      const { completion_tokens: total } = asRecord(usage)
      counted = asNumber(total) || counted
    }
  }
  return ids.length === counted ? ids : []
}

/** A template may insert today's date, which does not make it another template. */
const DATES = /\d{4}-\d\d-\d\d|\d{1,2} \p{L}{3,9} \d{4}|\p{L}{3,9} \d{1,2}, \d{4}/gu

/**
 * Identifies a chat template by its output: vLLM does not show the template, and may have been started with another than
 * its folder has. sha256 of a rendered conversation with all roles, or without the system role if the template rejects
 * it; empty if the engine does not report it, undefined if it was busy, silent or absent.
 */
export async function vllmTemplateHash(
  vllm: VllmModel,
  options: AbortOptions,
): Promise<string | undefined> {
  for (const messages of [ALL_ROLES, ALL_ROLES.slice(1)]) {
    try {
      const body = { model: vllm.engineName, messages }
      const asked = { ...options, isRequest: false }
      const tokens = await vllmPrompt(vllm, { kind: 'chat', body }, asked)
      const answer = await vllm.http.post('/detokenize', { model: body.model, tokens }, options)
      const { prompt } = answer
      if (typeof prompt !== 'string' || prompt === '') continue
      return `sha256:${createHash('sha256').update(prompt.replaceAll(DATES, '')).digest('hex')}`
    } catch (error) {
      options.signal?.throwIfAborted()
      if (isPassing(error)) return undefined
    }
  }
  return ''
}
