/**
 * The cipher of private swarms under every connection, with keys that may change while peers are connected.
 *
 * @packageDocumentation
 */
export { type SwarmSecrets, swarmProtector } from './protector.ts'
