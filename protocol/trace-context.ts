/** Where a span belongs: W3C's trace context, without its state. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string
  /** Of the parent; 16 hexadecimal digits, not all 0. */
  readonly spanId: string
  /** Whether the caller records the trace. */
  readonly isSampled: boolean
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads a `traceparent` header (https://www.w3.org/TR/trace-context/).
 *
 * @returns undefined for one that is not valid, which is to be ignored
 */
export function parseTraceparent(header: string): TraceContext | undefined {
  const [, version = 'ff', traceId = '', spanId = '', flags = '', more] =
    TRACEPARENT.exec(header.trim()) ?? []
  // Later versions may say more at the end.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (isZero(traceId) || isZero(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

function isZero(digits: string): boolean {
  return /^0*$/.test(digits)
}
