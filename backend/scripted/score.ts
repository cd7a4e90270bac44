import type { EndScore, PositionScore, ScoreRequest, ScoreResponse } from '../../protocol/index.ts'
import type { TextRequest } from '../request-fields.ts'
import { defaultAnswer, promptText } from './answer.ts'
import { decodeTokens, encodeTokens } from './tokens.ts'

/** Log probability of the token that the engine would have written itself. */
const SURE = -0.01
/** Log probability of any other token. */
const UNLIKELY = -9

/** Rates an answer against the one that the engine would give: it agrees up to the first difference, and with no token after it. */
export function scoreAnswer(
  { request, completion, positions }: ScoreRequest,
  own: string | undefined,
): ScoreResponse {
  const asked: TextRequest = request
  const expected = encodeTokens(own ?? defaultAnswer(asked, promptText(asked, decodeTokens)))
  const rated = positions ?? completion.map((_, at) => at)
  const scores = rated.map((position): PositionScore => {
    const id = completion[position] ?? 0
    const right = expected[position]
    if (right === undefined || right === id) {
      return { position, id, logprob: SURE, top: [{ id, logprob: SURE }] }
    }
    return { position, id, logprob: UNLIKELY, top: [{ id: right, logprob: SURE }] }
  })
  const end = endOf(expected[completion.length])
  return { object: 'score', scores, text: decodeTokens(completion), end }
}

function endOf(next: number | undefined): EndScore {
  return next === undefined
    ? { logprob: SURE, top: [] }
    : { logprob: UNLIKELY, top: [{ id: next, logprob: SURE }] }
}
