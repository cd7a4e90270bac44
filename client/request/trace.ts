import { drawHex, parseTraceparent } from '../../protocol/index.ts'

/** Place of a request in a trace. */
export interface RequestTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** Of the caller's span; 16 hexadecimal digits. Absent: the request begins the trace. */
  readonly parentSpanId?: string
  /** Of the request's own span. Absent: the caller's context is only passed on. */
  readonly spanId?: string
  readonly isSampled: boolean
}

/**
 * @param traceparent the caller's, which decides whether the trace is recorded
 * @param share of the requests without one that are recorded, from 0 to 1; undefined: this client records none
 * @param random from 0, below 1
 * @returns undefined if the request is part of no trace
 */
export function requestTrace(
  traceparent: string | undefined,
  share: number | undefined,
  random: () => number,
): RequestTrace | undefined {
  const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent)
  if (parent !== undefined) {
    const { traceId, spanId: parentSpanId, isSampled } = parent
    const own = share !== undefined && isSampled ? { spanId: drawHex(8) } : {}
    return { traceId, parentSpanId, isSampled, ...own }
  }
  if (share === undefined || random() >= share) return undefined
  return { traceId: drawHex(16), spanId: drawHex(8), isSampled: true }
}
