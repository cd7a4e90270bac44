import type { OpenAiUsage } from '../../protocol/index.ts'
import type { ServedBy } from '../answer/index.ts'
import type { PlacedOptions } from '../request/index.ts'
import type { Choices } from './choices.ts'
import { failureOf, servedOf } from './outcome.ts'
import { SplitCall, type SplitContext } from './split-call.ts'
import { UsageSum } from './usage-sum.ts'

interface WholeAnswer extends ServedBy {
  readonly choices: readonly { readonly index: number }[]
  readonly usage: OpenAiUsage
}

/**
 * Merges the choices of a call into one whole answer, with one request for each choice.
 *
 * @param ask requests one choice
 * @throws PartialFailure with the choices that arrived, if some did; else the first error
 */
export async function wholeChoices<T extends WholeAnswer>(
  context: SplitContext,
  choices: Choices,
  ask: (body: object, options: PlacedOptions) => Promise<T>,
  { body, options }: { readonly body: object; readonly options: PlacedOptions },
): Promise<T> {
  const { count, perPrompt } = choices
  const init = { body, options, count, first: 1, decided: 'begun', copies: true } as const
  const call = new SplitCall(context, init)
  using _ = call.scope
  const answers = new Map<number, T>()
  const usage = new UsageSum(perPrompt)
  let latest = ''
  const run = call.run<never, { readonly answer: T } & Pick<T['skein'], 'attempts'>>(
    async ({ part, options: own, body: named }) => {
      const answer = await ask(choices.bodyOf(part.items[0] ?? 0, named), own)
      return { answer, attempts: answer.skein.attempts }
    },
  )
  try {
    for await (const event of run) {
      if (event.type !== 'answered') continue
      for (const item of event.items) {
        const { answer } = event.answer
        answers.set(item, answer)
        usage.add(item, answer.usage)
        latest = answer.skein.peerId
      }
    }
  } catch (error) {
    call.expired(error, new Set(answers.keys()))
  }
  const ordered = [...answers].sort(([a], [b]) => a - b)
  const [first] = ordered
  const event = call.event()
  const answer: T | undefined = first && {
    ...first[1],
    choices: ordered.flatMap(([index, part]) => part.choices.map((one) => ({ ...one, index }))),
    usage: usage.total(),
    ...servedOf(event, latest),
  }
  if (call.failed.length > 0 || answer === undefined) {
    throw failureOf(count, call.failed, event, answer)
  }
  return answer
}
