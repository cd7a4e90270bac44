/**
 * Engines and services with OpenAI's HTTP protocol: vLLM, llama-server, LM Studio, SGLang, cloud APIs.
 *
 * @example
 * const backend = createOpenAiBackend({ baseUrl: 'http://127.0.0.1:8080' })
 *
 * @packageDocumentation
 */
export {
  CONTINUE_BY,
  type ContinueBy,
  DECLARED_FORMS,
  declaredContinuation,
} from './declared-continuation.ts'
export { FLAVORS, type Flavor } from './flavor.ts'
export { identify, serverRoot } from './identify.ts'
export { createOpenAiBackend } from './openai-backend.ts'
export type { OpenAiBackendInit } from './openai-backend-init.ts'
