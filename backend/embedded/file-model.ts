import type { BackendModel } from '../backend.ts'
import type { GgufFacts } from '../gguf/index.ts'
import { embeddedCapabilities, embeddedFields } from './declared.ts'
import { traitsOf } from './template-traits.ts'

/** A model as it will be served once it is in memory, by its file alone; without a digest. */
export function fileModel(
  facts: GgufFacts,
  { id, contextSize }: { readonly id: string; readonly contextSize: number },
): BackendModel {
  const { family, parameters, quantization, templateHash, embeddingOnly, chatTemplate } = facts
  const traits = traitsOf(chatTemplate)
  const capabilities = embeddedCapabilities({
    embeddingOnly,
    hasTemplate: chatTemplate !== undefined,
    takesTools: traits.toolFormat !== undefined,
  })
  return {
    id,
    aliases: [],
    ...{ family, parameters, quantization, templateHash, capabilities },
    contextLength: Math.min(contextSize, facts.contextLength || contextSize),
    resume: embeddingOnly ? 'none' : 'tokens',
    fields: embeddedFields(capabilities, traits),
  }
}
