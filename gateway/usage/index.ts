/**
 * What each API key used: one report for each request.
 *
 * @packageDocumentation
 */
export { countedClient, failed, usageOf } from './counted-client.ts'
export {
  answerTokensOf,
  mayHaveCost,
  promptTokensOf,
  tokensFor,
  tokensIn,
} from './estimated-tokens.ts'
export type { KeyUsage, OnUsage } from './key-usage.ts'
