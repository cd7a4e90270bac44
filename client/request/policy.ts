import { InferenceError } from '../../protocol/index.ts'

/**
 * How many peers one request may use.
 *
 * - `single`: one peer at a time; another one only after a failure.
 * - `hedge`: a second peer if the first takes longer to begin than 95 % of comparable answers.
 * - `race:2`: that many peers at once, 2 to 8; the first to begin wins, the others are cancelled.
 * - `quorum:2-of-3`: for deterministic requests. The first number of peers must give the same answer; at most the second
 *   number, up to 8, is asked. Nothing is shown before they agree.
 *
 * Races and quorums are charged to the request; hedges draw on the client's retry budget.
 */
export type Policy = 'single' | 'hedge' | `race:${number}` | `quorum:${number}-of-${number}`

/**
 * Whether an interrupted answer may go on at another peer.
 *
 * - `exact`: only by token ids, at a peer with the same weights.
 * - `same-model`: at a peer with the same weights if there is one, else with the same model id, reported as inexact.
 * - `off`: never.
 */
export type ResumeMode = 'exact' | 'same-model' | 'off'

/**
 * How tool calls are delivered in a stream.
 *
 * - `whole`: each in one chunk, at the end of the answer. An answer that breaks off within a call goes on unnoticed.
 * - `stream`: in fragments, as the engine writes them. An answer that breaks off after the first one fails.
 */
export type ToolCallDelivery = 'whole' | 'stream'

/** A parsed policy. */
export type Plan =
  | { readonly type: 'single' }
  | { readonly type: 'hedge' }
  | { readonly type: 'race'; readonly peers: number }
  | { readonly type: 'quorum'; readonly agree: number; readonly of: number }

/** Peers that one request may ask at once. */
const MAX_PEERS = 8

/** @throws InferenceError `invalid_request` */
export function parsePolicy(text: string): Plan {
  if (text === 'single' || text === 'hedge') return { type: text }
  const race = /^race:(\d)$/.exec(text)
  if (race !== null) {
    const peers = Number(race[1])
    if (peers >= 2 && peers <= MAX_PEERS) return { type: 'race', peers }
  }
  const quorum = /^quorum:(\d)-of-(\d)$/.exec(text)
  if (quorum !== null) {
    const [agree, of] = [Number(quorum[1]), Number(quorum[2])]
    if (agree >= 2 && agree <= of && of <= MAX_PEERS) return { type: 'quorum', agree, of }
  }
  throw new InferenceError(
    'invalid_request',
    `unknown policy '${text}'; use single, hedge, race:2 to race:${MAX_PEERS}, or a quorum such as quorum:2-of-3`,
    { details: { param: 'policy' } },
  )
}

/** @throws InferenceError `invalid_request` */
export function parseResumeMode(text: string): ResumeMode {
  if (text === 'exact' || text === 'same-model' || text === 'off') return text
  throw new InferenceError(
    'invalid_request',
    `unknown resume mode '${text}'; use exact, same-model or off`,
    { details: { param: 'resume' } },
  )
}

/** @throws InferenceError `invalid_request` */
export function parseToolCallDelivery(text: string): ToolCallDelivery {
  if (text === 'whole' || text === 'stream') return text
  throw new InferenceError(
    'invalid_request',
    `unknown delivery of tool calls '${text}'; use whole or stream`,
    { details: { param: 'toolCalls' } },
  )
}
