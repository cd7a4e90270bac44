/**
 * Peers that could serve a request: advertisements from the book, look-ups in the DHT, and why there is no candidate.
 *
 * @example
 * import { type InferenceRequest, parseModelReference, requirementsOf } from '../../../protocol/index.ts'
 *
 * const candidates = (directory: Directory, request: InferenceRequest) =>
 *   directory.candidates({ reference: parseModelReference('llama3.2:3b'), needs: requirementsOf(request) })
 *
 * @packageDocumentation
 */

export { explainAbsence } from './absence.ts'
export { createDirectory } from './dht-directory.ts'
export type { Directory, DirectoryHost, SwarmHost } from './directory.ts'
export { candidatesOf } from './eligibility.ts'
