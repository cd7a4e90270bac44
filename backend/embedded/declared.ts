import { ANSWER_PREFIX, type Capability, resumeField, TOKEN_INPUT } from '../../protocol/index.ts'
import { SAMPLING_FIELDS } from './sampling.ts'
import type { TemplateTraits } from './template-traits.ts'

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

/** Request fields of models whose templates take tools, that mark thoughts, and that switch them off. */
export const TEMPLATE_FIELDS: Readonly<
  Record<'tools' | 'thoughts' | 'switched', readonly string[]>
> = {
  tools: [
    ...['tool_choice', 'parallel_tool_calls'],
    ...[resumeField('tools', 'ids'), resumeField('tools', 'text')],
  ],
  thoughts: [resumeField('reasoning', 'ids'), resumeField('reasoning', 'text')],
  switched: ['reasoning_effort'],
}

/** Request fields beyond the common ones that the engine takes. */
export function embeddedFields(
  capabilities: readonly Capability[],
  { thoughts, switchesThinking }: TemplateTraits,
): readonly string[] {
  const isChat = capabilities.includes('chat')
  const writes = capabilities.includes('completion')
  return [
    ...(writes ? [...SAMPLING_FIELDS, ANSWER_PREFIX, resumeField('json', 'ids')] : []),
    ...(capabilities.includes('tools') ? TEMPLATE_FIELDS.tools : []),
    ...(isChat && thoughts !== undefined ? TEMPLATE_FIELDS.thoughts : []),
    ...(isChat && switchesThinking ? TEMPLATE_FIELDS.switched : []),
    ...(capabilities.includes('embedding') ? [TOKEN_INPUT] : []),
  ]
}
