import type { Capability } from '../../protocol/index.ts'
import type { BackendModel } from '../backend.ts'
import type { GgufFacts } from '../gguf/index.ts'
import { EMBEDDED_CAPABILITIES, embeddedFields } from './declared.ts'
import { toolFormatOf } from './tool-format.ts'

/** A model as it will be served once it is in memory, by its file alone. */
export function fileModel(
  facts: GgufFacts,
  of: { readonly id: string; readonly contextSize: number; readonly digest: string | undefined },
): BackendModel {
  const { family, parameters, quantization, templateHash, embeddingOnly } = facts
  const capabilities = capabilitiesOf(facts)
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

function capabilitiesOf({ embeddingOnly, chatTemplate }: GgufFacts): Capability[] {
  if (embeddingOnly) return ['embedding']
  const { withTemplate, withTools, always } = EMBEDDED_CAPABILITIES
  const takesTools = chatTemplate !== undefined && toolFormatOf(chatTemplate) !== undefined
  return [
    ...(chatTemplate === undefined ? [] : withTemplate),
    ...(takesTools ? withTools : []),
    ...always,
  ]
}
