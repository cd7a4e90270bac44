import type { Backend } from '../../../backend/index.ts'
import type { Clock } from '../../../timing/index.ts'
import { type PartAudit, withinTime } from './part-audit.ts'
import type { PartRating } from './part-rating.ts'
import { rate } from './rating.ts'
import { collectScores } from './score-at.ts'
import { ratesLike } from './scorers.ts'

export interface OwnScorerInit {
  /** The caller's own engine. @default none */
  readonly scorer?: Backend | undefined
  readonly clock?: Clock | undefined
}

/** A rating by the caller's own engine, if it has the weights and does not fail. It makes a panel unnecessary. */
export async function ownRating(
  { scorer, clock }: OwnScorerInit,
  audit: PartAudit,
): Promise<{ readonly rating?: PartRating; readonly tokens: number }> {
  const { subject, part, promptBytes, isTextBeforeGenuine, caller } = audit
  if (scorer === undefined) return { tokens: 0 }
  const models = await withinTime(audit, clock, ({ signal }) => scorer.models({ signal })).catch(
    () => [],
  )
  const { kind } = subject.asked
  const model = models.find((own) => ratesLike(own, part.candidate.model, kind))
  caller.throwIfAborted()
  if (model === undefined) return { tokens: 0 }
  const options = { model: model.id, promptBytes, isTextBeforeGenuine }
  const { result, tokens } = await rate(subject, part, options, (body) =>
    withinTime(audit, clock, ({ signal }) =>
      collectScores(scorer.infer({ kind: 'score', body }, { signal }), (event) => {
        if (event.type === 'done') return { usage: event.usage }
        return 'scores' in event.json ? { response: event.json } : {}
      }),
    ),
  )
  caller.throwIfAborted()
  return 'verdict' in result ? { rating: result, tokens } : { tokens }
}
