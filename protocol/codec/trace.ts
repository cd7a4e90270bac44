import type { Trace } from '../skein_pb.ts'
import type { TraceContext } from '../trace-context.ts'
import { malformed } from './message.ts'

export function encodeTrace({
  traceId,
  spanId,
  isSampled,
}: TraceContext): Pick<Trace, 'sampled' | 'spanId' | 'traceId'> {
  return {
    traceId: new Uint8Array(Buffer.from(traceId, 'hex')),
    spanId: new Uint8Array(Buffer.from(spanId, 'hex')),
    sampled: isSampled,
  }
}

/** @throws InferenceError `malformed` */
export function decodeTrace({ traceId, spanId, sampled }: Trace): TraceContext {
  return { traceId: idOf(traceId, 16), spanId: idOf(spanId, 8), isSampled: sampled }
}

function idOf(bytes: Uint8Array, length: number): string {
  if (bytes.length !== length || bytes.every((byte) => byte === 0)) throw malformed('trace')
  return Buffer.from(bytes).toString('hex')
}
