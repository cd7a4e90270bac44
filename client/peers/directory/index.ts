/**
 * Who could serve a request: advertisements from the book, look-ups in the DHT, and why there is nobody.
 *
 * @example
 * const query = { reference: parseModelReference('llama3.2:3b'), needs: requirementsOf(request) }
 * const candidates = directory.candidates(query)
 *
 * @packageDocumentation
 */
export { explainAbsence } from './absence.ts'
export { createDirectory, type Directory, type DirectoryHost, type SwarmHost } from './directory.ts'
export { candidatesOf } from './eligibility.ts'
