/**
 * Adapters to engines. Each is a {@link Backend}; a node serves one.
 *
 * @example
 * import { createScriptedBackend } from 'skein/backend'
 * import { parseRequest } from 'skein/protocol'
 *
 * await using backend = createScriptedBackend({ models: [{ id: 'counter' }] })
 * const messages = [{ role: 'user', content: 'Hello!' }]
 * for await (const event of backend.infer(parseRequest('chat', { model: 'counter', messages }))) {
 *   if (event.type === 'done') console.log(event.usage.completionTokens)
 * }
 *
 * @packageDocumentation
 */
export { type AbortOptions, type Clock, systemClock, type TimerOptions } from '../timing/index.ts'
export {
  type Backend,
  type BackendChunk,
  type BackendDone,
  type BackendEvent,
  type BackendLoad,
  type BackendModel,
  type EngineProgress,
  hasCapabilities,
  type InferOptions,
} from './backend.ts'
export {
  type BackendFromUrlInit,
  createBackendFromUrl,
  type DetectedBackend,
  type DetectInit,
  detectBackends,
} from './detect/index.ts'
export {
  createEmbeddedBackend,
  type EmbeddedBackend,
  type EmbeddedInit,
  isEmbeddedInstalled,
} from './embedded/index.ts'
export {
  createEmbeddedPool,
  type EmbeddedPool,
  type EmbeddedPoolInit,
  type PoolModel,
} from './embedded-pool/index.ts'
export { type GgufFacts, type GgufHeader, ggufFacts, readGgufHeader } from './gguf/index.ts'
export type { Fetch } from './http/index.ts'
export type {
  LoadOptions,
  ManagedModel,
  ManagedState,
  ModelManager,
  PullOptions,
  PullProgress,
} from './model-manager.ts'
export {
  type DownloadProgress,
  findLocalModel,
  type LocalModel,
  localModels,
  type ModelSourceInit,
  type ResolvedModel,
  removeLocalModel,
  resolveModelSource,
} from './model-source/index.ts'
export { createOllamaBackend, type OllamaBackendInit } from './ollama/index.ts'
export {
  CONTINUE_BY,
  type ContinueBy,
  createOpenAiBackend,
  DECLARED_FORMS,
  declaredContinuation,
  type OpenAiBackendInit,
} from './openai/index.ts'
export { hubSnapshot } from './safetensors/index.ts'
export {
  createScriptedBackend,
  decodeTokens,
  encodeTokens,
  type Fault,
  type Script,
  type ScriptedBackend,
  type ScriptedCall,
  type ScriptedInit,
} from './scripted/index.ts'
export { requireSupport, selectModel } from './select-model.ts'
export { WrongShape } from './shapes/index.ts'
export { cachedWeightsDigest, type DigestInit } from './weights/index.ts'
