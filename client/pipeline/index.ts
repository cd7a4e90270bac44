export type { ClientStats } from './client-stats.ts'
export type { CallOptions } from './prepare.ts'
export { createRequester, type Requester, servedBy } from './requester.ts'
