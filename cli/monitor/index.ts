/**
 * Metrics and health of nodes and bootstrap peers over HTTP (`--http-port`).
 *
 * @packageDocumentation
 */
export { addHostMetrics } from './host-metrics.ts'
export { type Readiness, serveMonitor } from './monitor.ts'
export { type MonitorOptions, withMonitorOptions } from './monitor-options.ts'
export { NodeMetrics } from './node-metrics.ts'
