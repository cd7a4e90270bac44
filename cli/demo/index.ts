/**
 * `skein demo`: a whole swarm as processes of this machine, with a fault in it.
 *
 * @example
 * process.exitCode = await runDemo(session)
 *
 * @packageDocumentation
 */
export { runDemo } from './run-demo.ts'
