/**
 * Prometheus metrics of the gateway and its client.
 *
 * @packageDocumentation
 */
export { createMetrics, type Metrics } from './metrics.ts'
