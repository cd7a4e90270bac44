import { InferenceError, RESUME_FORMS, type ResumeForm } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { type Continue, continuesText, isPassing } from '../continuation/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { type RawMeans, rawMeans } from './raw-means.ts'
import { continueChat, continueRaw, type Trial, trialModel } from './trial-answers.ts'

/**
 * How Ollama continues an answer. `chat`: the template leaves a final assistant message open. `raw`: the conversation is
 * rendered, the beginning appended, and the rest read here.
 */
export type Way = 'chat' | 'raw'

/** Of an answer that begins as plain text, in a request without tools, and the others. */
type Form = ResumeForm | 'plain'

/** Result of the trials: the forms that each way continues. */
export interface Proof extends Readonly<Record<Way, readonly Form[]>> {
  readonly means: RawMeans
}

const NO_MEANS: RawMeans = { thoughts: undefined, calls: undefined }
export const NO_PROOF: Proof = { chat: [], raw: [], means: NO_MEANS }

/** The way that continues an answer of these forms; undefined if none is proved to. */
export function wayFor(proof: Proof, forms: readonly ResumeForm[]): Way | undefined {
  const needed: readonly Form[] = ['plain', ...forms]
  return (['chat', 'raw'] as const).find((way) => needed.every((form) => proof[way].includes(form)))
}

/** Forms of answers that resume. A structured one is written again and compared: Ollama begins its grammar anew. */
export function provedForms(proof: Proof): readonly ResumeForm[] {
  if (wayFor(proof, []) === undefined) return []
  return RESUME_FORMS.filter((form) => form === 'json' || wayFor(proof, [form]) !== undefined)
}

/** A model and the capabilities that Ollama reports. */
export interface OllamaSubject {
  readonly engineName: string
  readonly can: ReadonlySet<string>
}

/** Tries how a model continues an answer from its text. */
export async function proveContinuation(
  http: EngineHttp,
  { engineName, can }: OllamaSubject,
  { signal }: Required<AbortOptions>,
): Promise<Proof> {
  const trial = { http, model: engineName, can, signal }
  const forms = RESUME_FORMS.filter(
    (form) =>
      (form === 'tools' && can.has('tools')) || (form === 'reasoning' && can.has('thinking')),
  )
  const open: Continue = (begun, more) => continueChat(trial, begun, more)
  const chat = await provedBy(open, forms, signal)
  if (forms.every((form) => chat.includes(form)) && chat.includes('plain')) {
    return { ...NO_PROOF, chat }
  }
  const means = await meansOf(trial)
  // The text of a model that thinks may begin with thoughts, whose marks have to be known.
  if (can.has('thinking') && means.thoughts === undefined) return { ...NO_PROOF, chat }
  const readable = forms.filter((form) => form !== 'tools' || means.calls !== undefined)
  const raw: Continue = (begun, more) => continueRaw(trial, begun, { ...more, means })
  return { chat, raw: await provedBy(raw, readable, signal), means }
}

/** None of a version that does not render, or of a template that rejects the conversation. */
async function meansOf(trial: Trial): Promise<RawMeans> {
  try {
    return await rawMeans(trialModel(trial), trial.can)
  } catch (error) {
    trial.signal.throwIfAborted()
    if (isPassing(error)) throw error
    return NO_MEANS
  }
}

/** @throws InferenceError `loading` if Ollama is busy */
async function provedBy(
  write: Continue,
  forms: readonly ResumeForm[],
  signal: AbortSignal,
): Promise<readonly Form[]> {
  const proved: Form[] = []
  for (const form of ['plain', ...forms] as const) {
    const isProved = await continuesText(write, form, signal)
    if (isProved === undefined) throw new InferenceError('loading', 'Ollama is busy')
    if (isProved) proved.push(form)
    // Without plain text, nothing else continues either.
    else if (form === 'plain') return []
  }
  return proved
}
