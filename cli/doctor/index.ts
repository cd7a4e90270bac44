/**
 * `skein doctor`: small checks, ordered so that the first failure is the cause.
 *
 * @example
 * async function print(steps: readonly Step[]): Promise<void> {
 *   for await (const diagnosis of diagnose(steps)) console.log(diagnosis)
 * }
 *
 * @packageDocumentation
 */
export { type Diagnosis, diagnose, type Step } from './diagnose.ts'
export { DATA_DIRECTORY, localSteps, PORT } from './local-steps.ts'
export { reachSteps } from './reach-steps.ts'
export { swarmSteps } from './swarm-steps.ts'
