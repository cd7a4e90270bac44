/**
 * Discovery of a node: a signed advertisement of what it serves, and provider records that lead to it.
 *
 * @example
 * async function announce(advertiser: Advertiser, provider: Provider): Promise<void> {
 *   await advertiser.start()
 *   await provider.start()
 * }
 *
 * @packageDocumentation
 */

export { Advertiser, type AdvertiserInit } from './advertiser.ts'
export { provideKeys } from './provide-keys.ts'
export { Provider, type ProviderInit } from './provider.ts'
export type { Statement } from './statement.ts'
