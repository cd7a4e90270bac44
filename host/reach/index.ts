/** Where others reach this host: which addresses it announces, and which of them were seen to work. */

export { announceRules } from './announce-rules.ts'
export { type AddressSources, OwnAddresses } from './own-addresses.ts'
