/**
 * Which engine a node serves with, and which of its models.
 *
 * @example
 * const { backend, share } = await chooseEngine(session, { backend: 'auto' })
 *
 * @packageDocumentation
 */
export { chooseEngine, type EngineOptions } from './choose-engine.ts'
export { chosenModels } from './existing-engine.ts'
