/**
 * An engine that does exactly what a test tells it, and otherwise answers by a rule that anyone can check.
 *
 * @example
 * const backend = createScriptedBackend({
 *   models: [{ id: 'counter' }],
 *   script: () => ({ fault: { type: 'stall', afterTokens: 3 } }),
 * })
 *
 * @packageDocumentation
 */
export { type Clock, systemClock } from './clock.ts'
export type { Fault, Script, ScriptedCall } from './script.ts'
export {
  createScriptedBackend,
  type ScriptedBackend,
  type ScriptedInit,
} from './scripted-backend.ts'
export { decodeTokens, encodeTokens } from './tokens.ts'
