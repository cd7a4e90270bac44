/**
 * Selects the model that answers: an id, an alias, `auto`, or a chain of these, including the caller's own providers. The
 * members of a chain are asked in turn, healthy ones first, until one answers.
 *
 * @example
 * const membersOf = (chains: Chains) => chains.chainOf({ model: 'fast,llama3.2:3b,auto' })?.members
 *
 * @packageDocumentation
 */
export type { ChainJob } from './chain-job.ts'
export { type Chains, createChains, type OwnNames } from './create-chain.ts'
export type { ChainField } from './named-chain.ts'
export type { NamesInit } from './own-sources.ts'
export type { ProviderInit } from './provider.ts'
export { readSwarm } from './swarm-name.ts'
