import { ANSWER_PREFIX, type Capability, resumeField, TOKEN_INPUT } from '../../protocol/index.ts'
import { SAMPLING_FIELDS } from './sampling.ts'

/** Capabilities of a generating model, by whether its file has a chat template. An embedding model has `embedding` only. */
export const EMBEDDED_CAPABILITIES: Readonly<
  Record<'always' | 'withTemplate', readonly Capability[]>
> = {
  withTemplate: ['chat', 'json_schema'],
  always: ['completion', 'embedding', 'logprobs', 'token_ids', 'score'],
}

/** Request fields beyond the common ones that the engine takes. */
export function embeddedFields(
  embeddingOnly: boolean,
  capabilities: readonly Capability[],
): readonly string[] {
  return [
    ...(embeddingOnly ? [] : [...SAMPLING_FIELDS, ANSWER_PREFIX, resumeField('json', 'ids')]),
    ...(capabilities.includes('embedding') ? [TOKEN_INPUT] : []),
  ]
}
