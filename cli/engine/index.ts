/**
 * Chooses a node's engine and the models to share.
 *
 * @example
 * import type { Session } from '../runtime.ts'
 *
 * async function printShared(session: Session): Promise<void> {
 *   const { share = ['everything'] } = await chooseEngine(session, { backend: 'auto' })
 *   for (const model of share) console.log(model)
 * }
 *
 * @packageDocumentation
 */
export { capabilityList } from './capability-list.ts'
export { type ChosenEngine, chooseEngine, type EngineOptions } from './choose-engine.ts'
export { openEmbeddedPool } from './embedded-engine.ts'
export { askWhich, chosenModels, connectEngine } from './existing-engine.ts'
