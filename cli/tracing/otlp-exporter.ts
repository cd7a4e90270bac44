import type { HrTime } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { EndedSpan } from './spans.ts'

/** Packages of OpenTelemetry, which Skein does not install. */
export const OTEL_PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace',
] as const

/** How long the collector may take for one batch. */
const EXPORT_TIMEOUT_MS = 10_000
/** How long spans wait at the end of the process. */
const FLUSH_MS = 3_000

/** Sends spans in batches; beyond 2,048 that wait they are dropped. */
export interface OtlpExporter extends AsyncDisposable {
  send(span: EndedSpan): void
}

export interface OtlpExporterInit {
  readonly url: string
  /** Of the resource, beside those of `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly attributes: Readonly<Record<string, string>>
  readonly version: string
  /** Receives a reason once spans are lost, and nothing more until some arrive again. */
  readonly onLost: (reason: string) => void
}

/** @throws the error of `import` if a package of OpenTelemetry is not installed */
export async function createOtlpExporter(init: OtlpExporterInit): Promise<OtlpExporter> {
  const [{ SpanKind, SpanStatusCode, TraceFlags }, otlp, resources, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace'),
  ])
  const { detectResources, envDetector, resourceFromAttributes } = resources
  const named = detectResources({ detectors: [envDetector] })
  await named.waitForAsyncAttributes?.()
  const resource = resourceFromAttributes(init.attributes).merge(named)
  const exporter = new otlp.OTLPTraceExporter({ url: init.url, timeoutMillis: EXPORT_TIMEOUT_MS })
  const processor = new sdk.BatchSpanProcessor({
    exporter: reporting(exporter as SpanExporter, init.onLost),
  })
  const instrumentationScope = { name: 'skein', version: init.version }
  const readable = (span: EndedSpan): ReadableSpan => {
    const { name, kind, traceId, spanId, parentSpanId, startedAtMs, durationMs } = span
    const contextOf = (id: string) => ({ traceId, spanId: id, traceFlags: TraceFlags.SAMPLED })
    const none = { droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 }
    return {
      name,
      kind: kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
      spanContext: () => contextOf(spanId),
      ...(parentSpanId !== undefined && { parentSpanContext: contextOf(parentSpanId) }),
      startTime: hrTime(startedAtMs),
      endTime: hrTime(startedAtMs + durationMs),
      duration: hrTime(durationMs),
      ended: true,
      status: { code: span.isFailed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
      attributes: { ...span.attributes },
      links: [],
      events: [],
      ...{ resource, instrumentationScope },
      ...none,
    }
  }
  return {
    send: (span) => processor.onEnd(readable(span)),
    async [Symbol.asyncDispose]() {
      const late = Promise.withResolvers<void>()
      const timer = setTimeout(late.resolve, FLUSH_MS)
      // A collector that does not answer must not hold the process.
      await Promise.race([processor.shutdown().catch(() => {}), late.promise])
      clearTimeout(timer)
    },
  }
}

/** The same exporter, which reports failures. */
function reporting(exporter: SpanExporter, onLost: (reason: string) => void): SpanExporter {
  let isLost = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failure = result.code === 0 ? undefined : (result.error?.message ?? 'no reason given')
        if (failure !== undefined && !isLost) onLost(failure)
        isLost = failure !== undefined
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => await exporter.forceFlush?.(),
  }
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)]
}
