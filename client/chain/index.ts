/**
 * Which model answers: one id, an alias, `auto`, or a chain of such, with the caller's own providers among them. Its
 * members are asked in turn, by their health, until one answers.
 *
 * @example
 * const membersOf = (fallback: Fallback) => fallback.chainOf({ model: 'fast,llama3.2:3b,auto' })
 *
 * @packageDocumentation
 */
export { createFallback, type Fallback, type OwnNames } from './create-chain.ts'
export type { Member } from './member.ts'
export type { ChainField } from './named-chain.ts'
export type { ProviderInit } from './provider.ts'
