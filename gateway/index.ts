/**
 * The gateway: OpenAI's API over a client, as `Request → Response`. Any SDK that takes a `fetch` can use it in-process;
 * `serveGateway` puts it on a port.
 *
 * @example
 * import OpenAI from 'openai'
 * import { createClient } from 'skein'
 *
 * await using client = await createClient()
 * const gateway = createGateway(client)
 * const openai = new OpenAI({ apiKey: 'none', baseURL: 'http://skein.local/v1', fetch: gateway.fetch })
 *
 * @packageDocumentation
 */

export {
  batchResultLine,
  type FileVerdict,
  type LineError,
  type ResultPaths,
  readBatchLine,
  readLines,
  validateFile,
  WrittenResults,
} from './batches/index.ts'
export { GATEWAY_LIMITS, type GatewayLimits } from './defaults.ts'
export { createGateway, type Gateway, type GatewayInit } from './gateway.ts'
export type { GatewayClient } from './gateway-client.ts'
export type { LiveSettings } from './live-settings.ts'
export type { LocalModel, LocalModels, LocalPullProgress } from './local-models.ts'
export type { GatewayBatch, GatewayPages, PageSources, PageVisitor } from './pages.ts'
export {
  type ApiKey,
  type ApiKeys,
  createApiKey,
  isForwarded,
  isUnrestrictedKey,
  type KeyBudget,
  type KeyPriority,
  type KeyRights,
  type RateLimits,
  type SpentTokens,
} from './security/index.ts'
export {
  type GatewayServer,
  type GatewayServerInit,
  type PageServer,
  type PageServerInit,
  serveGateway,
  servePagesOnly,
} from './server/index.ts'
export type { KeyUsage, OnUsage } from './usage/index.ts'
