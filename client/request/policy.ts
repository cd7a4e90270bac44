import { InferenceError } from '../../protocol/index.ts'
/**
 * How many peers one request may use.
 *
 * - `single`: one peer at a time; another only after it failed.
 * - `hedge`: a second one where the first is slower to begin than 95 % of such answers are.
 * - `race:2`: so many at once; the first to begin goes on, the others are stopped. 2 to 8.
 * - `quorum:2-of-3`: for deterministic requests: so many must give the same answer, of at most so many asked. `of` ≤ 8.
 *   Nothing is shown before they agree.
 *
 * What a race or a quorum takes is the request's own cost; hedges draw on the client's budget.
 */
export type Policy = 'single' | 'hedge' | `race:${number}` | `quorum:${number}-of-${number}`

/**
 * Whether an interrupted answer may go on at another peer.
 *
 * - `exact`: with the same weights and by token ids only.
 * - `same-model`: the same weights where there are, else the same model id, which is told as inexact.
 * - `off`: never.
 */
export type ResumeMode = 'exact' | 'same-model' | 'off'

/** A policy, taken apart. */
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
    `policy '${text}' is none of: single, hedge, race:2 … race:${MAX_PEERS}, quorum:2-of-3 and the like`,
    { details: { param: 'policy' } },
  )
}

/** @throws InferenceError `invalid_request` */
export function parseResumeMode(text: string): ResumeMode {
  if (text === 'exact' || text === 'same-model' || text === 'off') return text
  throw new InferenceError(
    'invalid_request',
    `resume '${text}' is none of: exact, same-model, off`,
    {
      details: { param: 'resume' },
    },
  )
}
