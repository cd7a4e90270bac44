import type { Resume } from './frames.ts'
import type { InferenceRequest } from './request.ts'

/** Forms of an answer that need more of an engine than resuming plain text. */
export const RESUME_FORMS = ['tools', 'reasoning', 'json'] as const
/** To a request that offers tools; after or within reasoning; structured output. */
export type ResumeForm = (typeof RESUME_FORMS)[number]

/**
 * In a model's `fields`: its engine resumes an answer of this form, from its text or from its token ids. Plain text needs no
 * entry.
 */
export function resumeField(form: ResumeForm, by: 'text' | 'ids'): string {
  return `resume.${form}.${by}`
}

/** Forms that an engine must support to resume this answer. */
export function resumeFormsOf(
  request: InferenceRequest,
  { reasoning = '' }: Pick<Resume, 'reasoning'>,
): readonly ResumeForm[] {
  if (request.kind !== 'chat') return []
  const { tools, tool_choice: choice, response_format: format } = request.body
  const isOffered = (tools ?? []).length > 0 && choice !== 'none'
  return [
    ...(isOffered ? (['tools'] as const) : []),
    ...(reasoning !== '' ? (['reasoning'] as const) : []),
    ...((format?.type ?? 'text') !== 'text' ? (['json'] as const) : []),
  ]
}
