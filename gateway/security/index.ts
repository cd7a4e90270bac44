/**
 * Authentication, allowed origins and hosts, and rate limits.
 *
 * @packageDocumentation
 */
export { type ApiKey, callerOf, createApiKey } from './api-keys.ts'
export { HOPS_HEADER, hopLimit } from './hops.ts'
export { hostCheck } from './host-check.ts'
export { origins, refuseOtherOrigins } from './origins.ts'
export { createRateLimit, type RateLimits } from './rate-limit.ts'
