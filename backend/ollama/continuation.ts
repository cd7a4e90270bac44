import { RESUME_FORMS, type ResumeForm } from '../../protocol/index.ts'
import { type Continue, continuesText } from '../continuation/index.ts'
import { type EngineHttp, isPassing } from '../http/index.ts'
import type { AskTrial } from '../trials/index.ts'
import { type RawMeans, rawMeans } from './raw-means.ts'
import { continueChat, continueRaw, rawModel, type TrialModel } from './trial-answers.ts'

/**
 * How Ollama continues an answer. `chat`: the template leaves a final assistant message open. `raw`: the conversation is
 * rendered, the beginning appended, and the rest read here.
 */
export type Way = 'chat' | 'raw'

/** Of an answer that begins as plain text, in a request without tools, and the others. */
type Form = ResumeForm | 'plain'

/** Result of the trials so far: the forms that each way continues. */
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

/** A model, the capabilities that Ollama reports, and where to ask for trials of it. */
export interface OllamaSubject {
  readonly http: EngineHttp
  readonly engineName: string
  readonly can: ReadonlySet<string>
  /** Identifies weights and template. */
  readonly manifest: string
  readonly ask: AskTrial
}

/** How a model continues an answer from its text, by the trials so far. Asks for those that are still to come. */
export function proofOf({ http, engineName, can, manifest, ask }: OllamaSubject): Proof {
  const verdictOn = <T>(
    question: string,
    trial: (trial: TrialModel) => Promise<T | undefined>,
  ): T | undefined =>
    ask(manifest, question, ({ signal }) => trial({ http, model: engineName, can, signal }))
  const forms = RESUME_FORMS.filter(
    (form) =>
      (form === 'tools' && can.has('tools')) || (form === 'reasoning' && can.has('thinking')),
  )
  const chat = provedBy(forms, (form) =>
    verdictOn(`continues ${form} by chat`, (trial) => {
      const open: Continue = (begun, more) => continueChat(trial, begun, more)
      return continuesText(open, form, trial.signal)
    }),
  )
  if (!chat.isOver || chat.proved.length === forms.length + 1) {
    return { ...NO_PROOF, chat: chat.proved }
  }
  const means = verdictOn('means of raw text', meansOf)
  // The text of a model that thinks may begin with thoughts, whose marks have to be known.
  if (means === undefined || (can.has('thinking') && means.thoughts === undefined)) {
    return { ...NO_PROOF, chat: chat.proved }
  }
  const readable = forms.filter((form) => form !== 'tools' || means.calls !== undefined)
  const raw = provedBy(readable, (form) =>
    verdictOn(`continues ${form} by raw text`, (trial) => {
      const write: Continue = (begun, more) => continueRaw(trial, begun, { ...more, means })
      return continuesText(write, form, trial.signal)
    }),
  )
  return { chat: chat.proved, raw: raw.proved, means }
}

/** None of a version that does not render, or of a template that rejects the conversation. */
async function meansOf(trial: TrialModel): Promise<RawMeans | undefined> {
  try {
    return await rawMeans(rawModel(trial), trial.can)
  } catch (error) {
    trial.signal.throwIfAborted()
    return isPassing(error) ? undefined : NO_MEANS
  }
}

interface Proved {
  readonly proved: readonly Form[]
  /** Whether all trials have ended. */
  readonly isOver: boolean
}

function provedBy(
  forms: readonly ResumeForm[],
  verdictOn: (form: Form) => boolean | undefined,
): Proved {
  const plain = verdictOn('plain')
  // Without plain text, nothing else continues either.
  if (plain !== true) return { proved: [], isOver: plain === false }
  const verdicts = forms.map((form) => ({ form, verdict: verdictOn(form) }))
  const proved = verdicts.flatMap(({ form, verdict }) => (verdict === true ? [form] : []))
  return {
    proved: ['plain', ...proved],
    isOver: verdicts.every(({ verdict }) => verdict !== undefined),
  }
}
