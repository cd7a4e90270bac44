/**
 * Authentication, allowed origins and hosts, and rate limits.
 *
 * @packageDocumentation
 */
export {
  type ApiKey,
  createApiKey,
  isUnrestrictedKey,
  type KeyPriority,
  type KeyRights,
} from './api-keys.ts'
export { isForwarded } from './forwarded.ts'
export { HOPS_HEADER, hopLimit } from './hops.ts'
export { hostCheck } from './host-check.ts'
export { type KeyBudget, KeyBudgets, type SpentTokens } from './key-budgets.ts'
export { type ApiKeys, KeyRing, METRICS_PATH } from './key-ring.ts'
export { meteredClient } from './metered-client.ts'
export { isOtherPage, origins, refuseOtherOrigins } from './origins.ts'
export { permittedClient } from './permitted-client.ts'
export {
  createRateLimit,
  type RateLimit,
  type RateLimits,
  type Reservation,
  UNLIMITED,
} from './rate-limit.ts'
