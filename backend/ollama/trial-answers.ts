import type { BackendChunk } from '../backend.ts'
import type { ReadChunk } from '../chat-choices.ts'
import { type BegunAnswer, type ContinuedRequest, TRIAL_QUESTION } from '../continuation/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { emptyState, readLine } from './answer-stream.ts'
import { type Reading, readMarked } from './marked-answer.ts'
import type { RawMeans, RawModel } from './raw-means.ts'
import { renderedPrompt } from './rendered-prompt.ts'
import { withAnswer } from './thought-layout.ts'

/** Enough for blank space and the beginning of a word. */
const SPACE_TOKENS = 4

/** A model that is tried. */
export interface TrialModel {
  readonly http: EngineHttp
  readonly model: string
  readonly can: ReadonlySet<string>
  readonly signal: AbortSignal
}

/** Has the template render the beginning as a final message. */
export async function continueChat(
  trial: TrialModel,
  { text, reasoning }: BegunAnswer,
  { maxTokens, tools }: ContinuedRequest,
): Promise<BegunAnswer> {
  const last = {
    role: 'assistant',
    content: text,
    ...(reasoning !== '' && { thinking: reasoning }),
  }
  const chunks = written(trial, 'chat', {
    messages: [{ role: 'user', content: TRIAL_QUESTION }, last],
    ...(tools !== undefined && { tools }),
    options: { temperature: 0, num_predict: maxTokens },
  })
  return await collected(chunks)
}

/** Appends the beginning to what the template renders. */
export async function continueRaw(
  trial: TrialModel,
  begun: BegunAnswer,
  {
    maxTokens,
    tools,
    means,
  }: ContinuedRequest & {
    readonly means: RawMeans
  },
): Promise<BegunAnswer> {
  const messages = [{ role: 'user', content: TRIAL_QUESTION }]
  const prompt = await render(trial, { messages, ...(tools !== undefined && { tools }) })
  if (prompt === undefined) return { text: '', reasoning: '' }
  const { thoughts } = means
  const raw = withAnswer(prompt, begun, thoughts)
  const isThinking = begun.text === '' && thoughts !== undefined
  return await writeRaw(trial, raw, maxTokens, isThinking ? { thoughts } : {})
}

/** The model as raw text. */
export function rawModel(trial: TrialModel): RawModel {
  return {
    render: (conversation) => render(trial, conversation),
    write: async (prompt) => (await writeRaw(trial, prompt, SPACE_TOKENS)).text,
  }
}

async function render(
  { http, model, can, signal }: TrialModel,
  conversation: Parameters<RawModel['render']>[0],
): Promise<string | undefined> {
  const think = can.has('thinking') ? { think: true } : {}
  const options = { signal, isRequest: true }
  return await renderedPrompt(http, { model, ...conversation, ...think }, options)
}

async function writeRaw(
  trial: TrialModel,
  prompt: string,
  maxTokens: number,
  reading: Reading = {},
): Promise<BegunAnswer> {
  const chunks = written(trial, 'generate', {
    ...{ prompt, raw: true },
    // Ollama reads the thoughts of answers that it renders itself only.
    ...(trial.can.has('thinking') && { think: false }),
    options: { temperature: 0, num_predict: maxTokens },
  })
  return await collected(chunks, readMarked(reading))
}

async function* written(
  { http, model, signal }: TrialModel,
  form: 'chat' | 'generate',
  body: object,
): AsyncGenerator<BackendChunk> {
  const state = emptyState()
  const sent = { model, stream: true, ...body }
  for await (const lines of http.stream(`/api/${form}`, sent, {
    ...{ signal, framing: 'lines', isRequest: true },
  })) {
    for (const line of lines) {
      const chunk = readLine(line, { kind: 'chat', model, form }, state)
      if (chunk !== undefined) yield chunk
      if (state.done !== undefined) return
    }
  }
}

async function collected(
  chunks: AsyncIterable<BackendChunk>,
  read: ReadChunk = (chunk) => chunk,
): Promise<BegunAnswer> {
  const answer = { text: '', reasoning: '' }
  for await (const chunk of chunks) {
    const json = read(chunk)?.json
    const [choice] = json !== undefined && 'choices' in json ? json.choices : []
    if (choice === undefined || !('delta' in choice)) continue
    answer.text += choice.delta.content ?? ''
    answer.reasoning += choice.delta.reasoning_content ?? ''
  }
  return answer
}
