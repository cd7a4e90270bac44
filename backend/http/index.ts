/**
 * HTTP to an engine on this machine or elsewhere: bounded reads, deadlines, failures as InferenceErrors.
 *
 * @example
 * const engine = createEngineHttp({ baseUrl: 'http://127.0.0.1:11434' })
 * const body = { model: 'llama3.2:3b', messages: [{ role: 'user', content: 'Hello!' }] }
 * for await (const lines of engine.stream('/api/chat', body, { framing: 'lines' })) console.log(...lines)
 *
 * @packageDocumentation
 */
export {
  createEngineHttp,
  type EngineHttp,
  type EngineHttpInit,
} from './engine-http.ts'
export { unresponsive } from './engine-pulse.ts'
export { isPassing } from './engine-trouble.ts'
export { failureIn } from './failure.ts'
export { asArray, asNumber, asRecord, asString, parseJson } from './json.ts'
export type { Fetch } from './node-fetch.ts'
export { patientHttp } from './patient-http.ts'
