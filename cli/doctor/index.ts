/**
 * `skein doctor`: small checks in an order in which the first that fails names the cause.
 *
 * @example
 * for await (const diagnosis of diagnose([...localSteps(init), ...swarmSteps(init)])) …
 *
 * @packageDocumentation
 */
export { type Diagnosis, diagnose, type Step } from './diagnose.ts'
export { DATA_DIRECTORY, localSteps } from './local-steps.ts'
export { swarmSteps } from './swarm-steps.ts'
