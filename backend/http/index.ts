/**
 * HTTP to an engine on this machine or elsewhere: bounded reads, deadlines, failures as InferenceErrors.
 *
 * @example
 * const engine = createEngineHttp({ baseUrl: 'http://127.0.0.1:11434' })
 * for await (const line of engine.stream('/api/chat', body, { framing: 'lines' })) …
 *
 * @packageDocumentation
 */
export {
  createEngineHttp,
  type EngineHttp,
  type EngineHttpInit,
  type Fetch,
} from './engine-http.ts'
export { failureIn, failureOf } from './failure.ts'
export { asArray, asNumber, asRecord, asString, parseJson } from './json.ts'
