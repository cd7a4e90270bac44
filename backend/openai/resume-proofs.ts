import type { Capability, ResumeForm } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import { type Continue, continuesText } from '../continuation/index.ts'
import { asString } from '../http/index.ts'
import { once, type Subject } from './catalog-subject.ts'
import { continueChat } from './continue-trial.ts'
import { FLAVORS } from './flavor.ts'
import { resumesByTokens } from './llama-trial.ts'
import { isLoaded } from './lm-studio.ts'
import { sizesOf } from './model-sizes.ts'
import { answersByTokens } from './vllm-trial.ts'

/** Token ids, scores and exact resume are offered together, if a trial proves them. */
export async function proveTokens(
  subject: Subject,
  templateHash: string,
  { signal }: AbortOptions,
): Promise<boolean> {
  const { identity, item, root: http, name } = subject
  const { chat_template: template } = identity.details
  // An engine restarted with other settings has to prove it again.
  const { root: folder } = item
  const what = `tokens ${templateHash} ${asString(folder)}`
  if (identity.flavor === 'vllm') {
    const { contextLength } = sizesOf(subject)
    const vllm = { http, engineName: name, contextLength }
    return await once(subject, what, () => answersByTokens(vllm, signal))
  }
  if (identity.flavor !== 'llama-server' || typeof template !== 'string') return false
  return await once(subject, what, () => resumesByTokens(http, template, signal))
}

/** Forms of an answer that it continues from its text; undefined if it continues none, not even plain text. */
export async function provedForms(
  subject: Subject,
  capabilities: readonly Capability[],
  templateHash: string,
  options: AbortOptions,
): Promise<readonly ResumeForm[] | undefined> {
  const { identity, root: http, name: model } = subject
  const { flavor, details } = identity
  if (!FLAVORS[flavor].mayContinue) return undefined
  // A trial would load the model.
  if (flavor === 'lm-studio' && !isLoaded(details, model)) return undefined
  const write: Continue = (begun, more) =>
    continueChat({ http, model, flavor, ...options }, begun, more)
  const proves = (form: ResumeForm | 'plain') =>
    once(subject, `continues ${form} ${templateHash}`, () =>
      continuesText(write, form, options.signal),
    )
  if ((await proves('plain')) !== true) return undefined
  const { chat_template: template } = details
  const thinks = typeof template === 'string' && /think|reason/i.test(template)
  const forms: ResumeForm[] = []
  if (capabilities.includes('tools') && (await proves('tools')) === true) forms.push('tools')
  if (thinks && (await proves('reasoning')) === true) forms.push('reasoning')
  if (capabilities.includes('json_schema') && (await proves('json')) === true) forms.push('json')
  return forms
}
