import type { Environment } from '../environment.ts'

/** What OpenTelemetry's variables say: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export interface OtelSettings {
  /** Where spans are posted; undefined if the endpoint is not a URL of a collector. */
  readonly url: string | undefined
  /** Share of requests that are recorded, of those whose caller did not decide. From 0 to 1. */
  readonly share: number
  /** Variables whose value is not supported, with what holds instead. */
  readonly ignored: readonly string[]
}

/** @returns undefined if no collector is named, or tracing is turned off */
export function otelSettings(env: Environment): OtelSettings | undefined {
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim() ?? ''
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() ?? ''
  const url = own === '' ? (base === '' ? '' : `${base.replace(/\/+$/, '')}/v1/traces`) : own
  const isOff =
    env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none'
  if (url === '' || isOff) return undefined
  const ignored: string[] = []
  const isUsable = /^https?:$/.test(URL.parse(url)?.protocol ?? '')
  if (!isUsable) {
    ignored.push(`the endpoint ${url} is not a URL with http:// or https://, and nothing is sent`)
  }
  const protocol =
    env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/json'
  if (protocol !== 'http/json') {
    ignored.push(`OTLP over ${protocol} is not supported: spans are sent as http/json`)
  }
  return { url: isUsable ? url : undefined, share: shareOf(env, ignored), ignored }
}

function shareOf(env: Environment, ignored: string[]): number {
  const sampler = (env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on').replace(
    'parentbased_',
    '',
  )
  if (sampler === 'always_on') return 1
  if (sampler === 'always_off') return 0
  const text = env['OTEL_TRACES_SAMPLER_ARG'] ?? '1'
  const share = Number(text)
  if (sampler === 'traceidratio' && text.trim() !== '' && share >= 0 && share <= 1) return share
  ignored.push(`the sampler ${sampler} (${text}) is not supported: all requests are recorded`)
  return 1
}
