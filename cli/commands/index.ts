/**
 * The commands, one a file. Each is made with a runtime that gives it its session and takes its exit code.
 *
 * @example
 * import type { Command } from 'commander'
 * import type { Runtime } from '../runtime.ts'
 *
 * const ask = async (runtime: Runtime): Promise<Command | undefined> => {
 *   const create = await CATALOG['ask']?.load()
 *   return create?.(runtime)
 * }
 *
 * @packageDocumentation
 */
export { CATALOG } from './catalog.ts'
