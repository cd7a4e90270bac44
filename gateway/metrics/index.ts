/**
 * What the gateway and its client do, in Prometheus' form.
 *
 * @packageDocumentation
 */
export { createMetrics, type Metrics } from './metrics.ts'
