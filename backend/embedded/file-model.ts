import type { BackendModel } from '../backend.ts'
import type { GgufFacts } from '../gguf/index.ts'
import { embeddedCapabilities, embeddedFields } from './declared.ts'
import { toolFormatOf } from './tool-format.ts'

/** A model as it will be served once it is in memory, by its file alone. */
export function fileModel(
  facts: GgufFacts,
  of: { readonly id: string; readonly contextSize: number; readonly digest: string | undefined },
): BackendModel {
  const { family, parameters, quantization, templateHash, embeddingOnly, chatTemplate } = facts
  const capabilities = embeddedCapabilities({
    embeddingOnly,
    hasTemplate: chatTemplate !== undefined,
    takesTools: chatTemplate !== undefined && toolFormatOf(chatTemplate) !== undefined,
  })
  const { id, contextSize, digest } = of
  return {
    id,
    aliases: [],
    ...(digest !== undefined && { digest }),
    ...{ family, parameters, quantization, templateHash, capabilities },
    contextLength: Math.min(contextSize, facts.contextLength || contextSize),
    resume: embeddingOnly ? 'none' : 'tokens',
    fields: embeddedFields(embeddingOnly, capabilities),
  }
}
