import type { Capability, ResumeForm } from '../../protocol/index.ts'
import { type Continue, continuesText } from '../continuation/index.ts'
import { patientHttp } from '../http/index.ts'
import { type Subject, verdictOn } from './catalog-subject.ts'
import { continueChat } from './continue-trial.ts'
import { FLAVORS } from './flavor.ts'
import { resumesByTokens } from './llama-trial.ts'
import { isLoaded } from './lm-studio.ts'
import { sizesOf } from './model-sizes.ts'
import { answersByTokens } from './vllm-trial.ts'

/** Token ids, scores and exact resume are offered together, once a trial proves them. */
export function provesTokens(subject: Subject): boolean {
  const { identity, name } = subject
  const { chat_template: template } = identity.details
  const http = patientHttp(subject.root)
  const question = 'tokens'
  if (identity.flavor === 'vllm') {
    const { contextLength } = sizesOf(subject)
    const vllm = { http, engineName: name, contextLength }
    return verdictOn(subject, question, ({ signal }) => answersByTokens(vllm, signal)) === true
  }
  if (identity.flavor !== 'llama-server' || typeof template !== 'string') return false
  return (
    verdictOn(subject, question, ({ signal }) => resumesByTokens(http, template, signal)) === true
  )
}

/** Forms of an answer that it is proved to continue from its text; undefined while it continues none, not even plain text. */
export function provedForms(
  subject: Subject,
  capabilities: readonly Capability[],
): readonly ResumeForm[] | undefined {
  const { identity, name: model } = subject
  const { flavor, details } = identity
  if (!FLAVORS[flavor].mayContinue) return undefined
  // A trial would load the model.
  if (flavor === 'lm-studio' && !isLoaded(details, model)) return undefined
  const http = patientHttp(subject.root)
  const proves = (form: ResumeForm | 'plain'): boolean =>
    verdictOn(subject, `continues ${form}`, ({ signal }) => {
      const write: Continue = (begun, more) =>
        continueChat({ http, model, flavor, signal }, begun, more)
      return continuesText(write, form, signal)
    }) === true
  if (!proves('plain')) return undefined
  const { chat_template: template } = details
  const thinks = typeof template === 'string' && /think|reason/i.test(template)
  const tried: readonly ResumeForm[] = [
    ...(capabilities.includes('tools') ? (['tools'] as const) : []),
    ...(thinks ? (['reasoning'] as const) : []),
    ...(capabilities.includes('json_schema') ? (['json'] as const) : []),
  ]
  return tried.filter(proves)
}
