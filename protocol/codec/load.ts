import { create, toBinary } from '@bufbuild/protobuf'
import type { Load, NodeState } from '../frames.ts'
import { type Load as LoadMessage, ProbeResponseSchema, State } from '../skein_pb.ts'
import { decodeMessage, malformed, nameOf } from './message.ts'

const STATES = {
  loading: State.LOADING,
  ready: State.READY,
  draining: State.DRAINING,
  saturated: State.SATURATED,
} as const satisfies Record<NodeState, State>

export function loadToMessage(load: Load): Omit<LoadMessage, '$typeName' | '$unknown'> {
  return {
    state: STATES[load.state],
    inFlight: load.inFlight,
    slots: load.slots,
    queueDepth: load.queueDepth,
    expectedTtftMs: load.expectedTtftMs,
  }
}

export function loadFromMessage(message: LoadMessage | undefined): Load {
  const state = nameOf(STATES, message?.state ?? State.UNSPECIFIED)
  if (message === undefined || state === undefined) throw malformed('no load')
  const { inFlight, slots, queueDepth, expectedTtftMs } = message
  return { state, inFlight, slots, queueDepth, expectedTtftMs }
}

/** Encodes the one frame that answers a probe. */
export function encodeProbeResponse(load: Load): Uint8Array {
  return toBinary(ProbeResponseSchema, create(ProbeResponseSchema, { load: loadToMessage(load) }))
}

/** Decodes the answer to a probe. @throws InferenceError `malformed` */
export function decodeProbeResponse(bytes: Uint8Array): Load {
  return loadFromMessage(decodeMessage(ProbeResponseSchema, bytes).load)
}
