import { InferenceError, type ResumeForm } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import {
  type BegunAnswer,
  type Continue,
  continuesText,
  TRIAL_QUESTION,
} from '../continuation/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { recordAt } from '../shapes/index.ts'
import { emptyState, readLine } from './answer-stream.ts'

/**
 * How Ollama continues an answer. `chat`: the template leaves a final assistant message open. `raw`: the template closes
 * every message, so the conversation is rendered and the beginning appended.
 */
export type Way = 'chat' | 'raw'

/** Result of the trials. */
export interface Proof {
  readonly way: Way | undefined
  readonly forms: readonly ResumeForm[]
}

export const NO_PROOF: Proof = { way: undefined, forms: [] }

/** A model and the capabilities that Ollama reports. */
export interface OllamaSubject {
  readonly engineName: string
  readonly can: ReadonlySet<string>
}

/** A first trial may have to load the model. */
const TRIAL_TIMEOUT_MS = 120_000

/** Tries how a model continues an answer from its text. */
export async function proveContinuation(
  http: EngineHttp,
  { engineName, can }: OllamaSubject,
  { signal }: Required<AbortOptions>,
): Promise<Proof> {
  const trial = { http, model: engineName, signal }
  const open: Continue = (begun, more) => continueChat(trial, begun, more)
  // A structured answer is written again and compared: Ollama begins its grammar anew.
  const forms: ResumeForm[] = ['json']
  const isOpen = await continuesText(open, 'plain', signal)
  if (isOpen === undefined) throw new InferenceError('loading', 'Ollama is busy')
  if (isOpen) {
    if (can.has('tools') && (await continuesText(open, 'tools', signal))) forms.push('tools')
    if (can.has('thinking') && (await continuesText(open, 'reasoning', signal))) {
      forms.push('reasoning')
    }
    return { way: 'chat', forms }
  }
  const raw: Continue = (begun, { maxTokens }) => continueRaw(trial, begun, maxTokens)
  // What a thinking model writes into raw text is not separated from its thoughts.
  const isRaw = !can.has('thinking') && (await continuesText(raw, 'plain', signal))
  return isRaw === true ? { way: 'raw', forms } : NO_PROOF
}

interface Trial {
  readonly http: EngineHttp
  readonly model: string
  readonly signal: AbortSignal
}

async function continueChat(
  trial: Trial,
  { text, reasoning }: BegunAnswer,
  { maxTokens, tools }: Parameters<Continue>[1],
): Promise<BegunAnswer> {
  const last = {
    role: 'assistant',
    content: text,
    ...(reasoning !== '' && { thinking: reasoning }),
  }
  return await written(trial, 'chat', {
    messages: [{ role: 'user', content: TRIAL_QUESTION }, last],
    ...(tools !== undefined && { tools }),
    options: { temperature: 0, num_predict: maxTokens },
  })
}

async function continueRaw(
  trial: Trial,
  { text }: BegunAnswer,
  maxTokens: number,
): Promise<BegunAnswer> {
  const { http, model, signal } = trial
  const messages = [{ role: 'user', content: TRIAL_QUESTION }]
  const body = { model, messages, stream: false, _debug_render_only: true }
  const { _debug_info: info } = await http.post(
    '/api/chat',
    { ...body, options: { num_predict: 1 } },
    { signal, timeoutMs: TRIAL_TIMEOUT_MS },
  )
  const { rendered_template: prompt } = recordAt(info, '_debug_info')
  if (typeof prompt !== 'string') return { text: '', reasoning: '' }
  return await written(trial, 'generate', {
    prompt: prompt + text,
    raw: true,
    options: { temperature: 0, num_predict: maxTokens },
  })
}

async function written(
  { http, model, signal }: Trial,
  form: 'chat' | 'generate',
  body: object,
): Promise<BegunAnswer> {
  const state = emptyState()
  const answer = { text: '', reasoning: '' }
  const lines = http.stream(
    `/api/${form}`,
    { model, stream: true, ...body },
    {
      signal,
      framing: 'lines',
    },
  )
  for await (const line of lines) {
    const chunk = readLine(line, { kind: 'chat', model, form }, state)
    const [choice] = chunk !== undefined && 'choices' in chunk.json ? chunk.json.choices : []
    if (choice !== undefined && 'delta' in choice) {
      answer.text += choice.delta.content ?? ''
      answer.reasoning += choice.delta.reasoning_content ?? ''
    }
    if (state.done !== undefined) break
  }
  return answer
}
