import type { ClientInit, RequestEvent } from '../../client/index.ts'
import type { ServedRequest } from '../../node/index.ts'
import { drawHex, plainLine } from '../../protocol/index.ts'
import type { Session } from '../runtime.ts'
import { otelSettings } from './otel-settings.ts'
import { createOtlpExporter, OTEL_PACKAGES, type OtlpExporter } from './otlp-exporter.ts'
import { requestSpans, servedSpan } from './spans.ts'

/** Sends traces to a collector. */
interface Tracing extends AsyncDisposable {
  /** For `ClientInit.traces`. */
  readonly share: number
  /** For `Client.observe`. */
  requested(event: RequestEvent): void
  /** For `NodeInit.onRequest`. */
  served(request: ServedRequest): void
}

/**
 * Opens what the environment asks for. A package that is missing, a wrong setting, or a collector that does not answer is
 * no reason not to run: the log says so.
 *
 * @param role of the command: the service is named after it, unless `OTEL_SERVICE_NAME` says otherwise
 * @returns undefined if traces are off
 */
export async function openTracing(
  { env, terminal, version }: Pick<Session, 'env' | 'terminal' | 'version'>,
  role: string,
): Promise<Tracing | undefined> {
  const settings = otelSettings(env)
  if (settings === undefined) return undefined
  const warn = (line: string): void => terminal.log(plainLine(line), { level: 'warn' })
  for (const line of settings.ignored) warn(`traces: ${line}`)
  const { url } = settings
  if (url === undefined) return undefined
  let exporter: OtlpExporter
  try {
    exporter = await createOtlpExporter({
      ...{ url, version },
      attributes: { 'service.name': `skein-${role}`, 'service.version': version },
      onLost: (reason) => warn(`traces do not reach the collector at ${url}: ${reason}`),
    })
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    const reason = isMissing
      ? `they need packages that are not installed. Install them beside skein: npm install ${OTEL_PACKAGES.join(' ')}`
      : String(error)
    warn(`no traces are sent: ${reason}`)
    return undefined
  }
  return {
    share: settings.share,
    requested(event) {
      for (const span of requestSpans(event)) exporter.send(span)
    },
    served(request) {
      const span = servedSpan(request, { spanId: drawHex(8), endedAtMs: Date.now() })
      if (span !== undefined) exporter.send(span)
    },
    [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
  }
}

/** The settings of a client whose requests are traced. */
export function tracedClient(tracing: Tracing | undefined): Pick<ClientInit, 'onEvent' | 'traces'> {
  if (tracing === undefined) return {}
  return { traces: tracing.share, onEvent: (event) => tracing.requested(event) }
}
