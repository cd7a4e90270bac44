import type { BackendModel } from '../backend.ts'
import type { GgufFacts } from '../gguf/index.ts'
import { embeddedCapabilities, embeddedFields } from './declared.ts'
import { toolFormatOf } from './tool-format.ts'

/** A model as it will be served once it is in memory, by its file alone; without a digest. */
export function fileModel(
  facts: GgufFacts,
  { id, contextSize }: { readonly id: string; readonly contextSize: number },
): BackendModel {
  const { family, parameters, quantization, templateHash, embeddingOnly, chatTemplate } = facts
  const capabilities = embeddedCapabilities({
    embeddingOnly,
    hasTemplate: chatTemplate !== undefined,
    takesTools: chatTemplate !== undefined && toolFormatOf(chatTemplate) !== undefined,
  })
  return {
    id,
    aliases: [],
    ...{ family, parameters, quantization, templateHash, capabilities },
    contextLength: Math.min(contextSize, facts.contextLength || contextSize),
    resume: embeddingOnly ? 'none' : 'tokens',
    fields: embeddedFields(embeddingOnly, capabilities),
  }
}
