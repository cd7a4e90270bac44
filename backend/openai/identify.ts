import type { AbortOptions } from '../../timing/index.ts'
import type { EngineHttp } from '../http/index.ts'
import { asArray, asRecord, asString } from '../http/index.ts'
import type { Json } from '../shapes/index.ts'
import type { Flavor } from './flavor.ts'

/** What a server reports about itself. */
export interface Identity {
  readonly flavor: Flavor
  /** llama-server's `/props`, LM Studio's `/api/v1/models`, vLLM's `/version`, version and settings of SGLang; empty for the others. */
  readonly details: Json
}

/**
 * Tells the dialects apart by answers that only one of them gives, most telling first. `root` is the server without
 * `/v1`. A server that answers none of these is `generic`.
 */
export async function identify(
  root: EngineHttp,
  models: Json,
  options: AbortOptions = {},
): Promise<Identity> {
  const { data } = models
  const owners = asArray(data)
    .map(asRecord)
    .map(({ owned_by: owner }) => asString(owner))
  const ask = async (path: string) => await answerOf(root, path, options)
  const props = await ask('/props')
  const { default_generation_settings: settings } = props
  if (settings !== undefined || owners.includes('llamacpp')) {
    return { flavor: 'llama-server', details: props }
  }
  if (owners.includes('vllm')) return { flavor: 'vllm', details: await ask('/version') }
  if (owners.includes('sglang')) {
    return { flavor: 'sglang', details: sglangSettings(await ask('/get_server_info')) }
  }
  const native = await ask('/api/v1/models')
  const { models: studioModels } = native
  const isStudio = asArray(studioModels)
    .map(asRecord)
    .some(({ loaded_instances: instances }) => instances !== undefined)
  return isStudio ? { flavor: 'lm-studio', details: native } : { flavor: 'generic', details: {} }
}

/** Later versions list the settings at the top. */
function sglangSettings(info: Json): Json {
  const { version, server_args: settings = info } = info
  const { tool_call_parser, reasoning_parser } = asRecord(settings)
  return { version, tool_call_parser, reasoning_parser }
}

/** A server that lacks the path, or sends an unknown answer, is not that kind. */
async function answerOf(root: EngineHttp, path: string, { signal }: AbortOptions): Promise<Json> {
  try {
    return await root.get(path, { signal })
  } catch {
    signal?.throwIfAborted()
    return {}
  }
}

/** A server's address without a trailing `/v1`. */
export function serverRoot(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/v1$/, '')
}

/** Base of an API's paths: the path of its address, as in OpenAI's SDKs, or `/v1` if it has none. */
export function apiRoot(url: string): string {
  const root = url.replace(/\/+$/, '')
  return new URL(root).pathname === '/' ? `${root}/v1` : root
}
