/**
 * Detects engines on this machine.
 *
 * @example
 * const [engine] = await detectBackends()
 * const backend = engine === undefined ? undefined : await createBackendFromUrl(engine)
 *
 * @packageDocumentation
 */
export {
  type BackendFromUrlInit,
  createBackendFromUrl,
  type DetectedBackend,
  type DetectInit,
  detectBackends,
} from './detect.ts'
