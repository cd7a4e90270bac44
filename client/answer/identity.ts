import { randomBytes } from 'node:crypto'

/** What stays the same over all chunks of an answer, whoever serves them. The client's to set, never a peer's. */
export interface Identity {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  /** As the caller named it; of a chain, the one that answers. */
  readonly model: string
}

export function chatIdentity(model: string, nowMs: number): Identity {
  return identity('chatcmpl', model, nowMs)
}

export function completionIdentity(model: string, nowMs: number): Identity {
  return identity('cmpl', model, nowMs)
}

function identity(prefix: string, model: string, nowMs: number): Identity {
  const id = `${prefix}-${randomBytes(12).toString('hex')}`
  return { id, created: Math.floor(nowMs / 1000), model }
}
