/**
 * An engine that follows a test's script, and otherwise answers by a simple rule.
 *
 * @example
 * const backend = createScriptedBackend({
 *   models: [{ id: 'counter' }],
 *   script: () => ({ fault: { type: 'stall', afterTokens: 3 } }),
 * })
 *
 * @packageDocumentation
 */
export type { Fault, Script, ScriptedCall } from './script.ts'
export {
  createScriptedBackend,
  type ScriptedBackend,
  type ScriptedInit,
} from './scripted-backend.ts'
export { decodeTokens, encodeTokens } from './tokens.ts'
