/**
 * `skein demo`: a swarm of local processes in which nodes are killed.
 *
 * @example
 * import type { Session } from '../runtime.ts'
 *
 * const demo = async (session: Session): Promise<void> => {
 *   process.exitCode = await runDemo(session)
 * }
 *
 * @packageDocumentation
 */
export { runDemo } from './run-demo.ts'
