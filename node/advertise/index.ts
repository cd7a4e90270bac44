/**
 * Discovery of a node: a signed advertisement of what it serves, and provider records that lead to it.
 *
 * @example
 * async function announce(advertiser: Advertiser, reprovider: Reprovider): Promise<void> {
 *   await advertiser.start()
 *   await reprovider.start()
 * }
 *
 * @packageDocumentation
 */

export { Advertiser, type AdvertiserInit } from './advertiser.ts'
export { provideKeys } from './provide-keys.ts'
export { Reprovider, type ReproviderInit } from './reprovider.ts'
export type { Statement } from './statement.ts'
