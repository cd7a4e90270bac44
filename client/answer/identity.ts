import { drawHex } from '../../protocol/index.ts'

/** The fields that all chunks of an answer share, whichever peers serve it. Set by the client, never by a peer. */
export interface Identity {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  /** As the caller named it; for a chain, the member that answers. */
  readonly model: string
}

export function chatIdentity(model: string, nowMs: number): Identity {
  return identity('chatcmpl', model, nowMs)
}

export function completionIdentity(model: string, nowMs: number): Identity {
  return identity('cmpl', model, nowMs)
}

function identity(prefix: string, model: string, nowMs: number): Identity {
  const id = `${prefix}-${drawHex(12)}`
  return { id, created: Math.floor(nowMs / 1000), model }
}
