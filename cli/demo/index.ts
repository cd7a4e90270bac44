/**
 * `skein demo`: a whole swarm as processes of this machine, with a fault in it.
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
