/**
 * Traces in OpenTelemetry's form, sent over OTLP where the environment names a collector.
 *
 * @packageDocumentation
 */
export { openTracing, tracedClient } from './open-tracing.ts'
