import { asRecord, asString } from '../http/index.ts'
import type { Traits } from '../trials/index.ts'
import type { Json, ListedModel } from './catalog-subject.ts'
import type { Identity } from './identify.ts'
import { studioModel } from './lm-studio.ts'

/**
 * What an engine says of itself and of a model that changes only with its settings: if it differs, the engine was started
 * anew. The rest of what it says, such as times and states, differs from answer to answer.
 */
export function traitsOf(
  { flavor, details }: Identity,
  { item, name, templateHash, digest }: ListedModel,
): Traits {
  const { root, parent, max_model_len: length, meta, owned_by: owner } = item
  const told = { ...engineTraits(details), ...studioTraits(studioModel(details, name)) }
  const traits = { flavor, root, parent, length, meta, owner, digest, ...told }
  return {
    ...Object.fromEntries(Object.entries(traits).map(([trait, value]) => [trait, textOf(value)])),
    template: templateHash === '' ? undefined : templateHash,
  }
}

/** llama-server's `/props`, vLLM's `/version` and SGLang's `/get_server_info`. */
function engineTraits(details: Json): Json {
  const { build_info: build, version, model_path: path, total_slots: slots } = details
  const { chat_template_caps: templateCaps, modalities, default_generation_settings } = details
  const { n_ctx: context } = asRecord(default_generation_settings)
  const { tool_call_parser: tools, reasoning_parser: reasoning } = details
  return { build, version, path, slots, templateCaps, modalities, context, tools, reasoning }
}

function studioTraits({ type, quantization, capabilities }: Json = {}): Json {
  return { type, quantization, studio: capabilities }
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null
    ? undefined
    : asString(value) || JSON.stringify(value)
}
