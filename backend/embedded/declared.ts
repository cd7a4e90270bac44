import { ANSWER_PREFIX, type Capability, resumeField, TOKEN_INPUT } from '../../protocol/index.ts'
import { SAMPLING_FIELDS } from './sampling.ts'

/** Capabilities of a generating model, by whether its file has a chat template, and whether that takes tools. An embedding model has `embedding` only. */
export const EMBEDDED_CAPABILITIES: Readonly<
  Record<'always' | 'withTemplate' | 'withTools', readonly Capability[]>
> = {
  withTemplate: ['chat', 'json_schema'],
  withTools: ['tools'],
  always: ['completion', 'embedding', 'logprobs', 'token_ids', 'score'],
}

/** The capabilities of one model. */
export function embeddedCapabilities(model: {
  readonly embeddingOnly: boolean
  readonly hasTemplate: boolean
  readonly takesTools: boolean
}): Capability[] {
  if (model.embeddingOnly) return ['embedding']
  const { withTemplate, withTools, always } = EMBEDDED_CAPABILITIES
  return [
    ...(model.hasTemplate ? withTemplate : []),
    ...(model.takesTools ? withTools : []),
    ...always,
  ]
}

const TOOL_FIELDS = ['tool_choice', resumeField('tools', 'ids'), resumeField('tools', 'text')]

/** Request fields beyond the common ones that the engine takes. */
export function embeddedFields(
  embeddingOnly: boolean,
  capabilities: readonly Capability[],
): readonly string[] {
  return [
    ...(embeddingOnly ? [] : [...SAMPLING_FIELDS, ANSWER_PREFIX, resumeField('json', 'ids')]),
    ...(capabilities.includes('tools') ? TOOL_FIELDS : []),
    ...(capabilities.includes('embedding') ? [TOKEN_INPUT] : []),
  ]
}
