import { asNumber, asRecord, asString } from '../http/index.ts'
import type { Subject } from './catalog-subject.ts'
import { studioSizes } from './lm-studio.ts'

/** Context length as configured, 0 where unknown. */
export function sizesOf({ identity, item, name }: Subject): {
  contextLength: number
  quantization: string
} {
  const { max_model_len: modelLength } = item
  switch (identity.flavor) {
    case 'llama-server': {
      const { default_generation_settings: settings, model_ftype: quantization } = identity.details
      const { n_ctx: slotContext } = asRecord(settings)
      return { contextLength: asNumber(slotContext), quantization: asString(quantization) }
    }
    case 'lm-studio':
      return studioSizes(identity.details, name)
    case 'vllm':
    case 'sglang':
    case 'generic':
    case 'openai':
      return { contextLength: asNumber(modelLength), quantization: '' }
    default:
      return identity.flavor satisfies never
  }
}
