import { type ErrorDetails, InferenceError } from '../../protocol/index.ts'

type PartialDetails = ErrorDetails<'partial_failure'> &
  Required<Pick<ErrorDetails<'partial_failure'>, 'items'>>

/** Names of items in a message. */
const MAX_NAMED = 10

/**
 * Some of a call's choices, prompts or inputs were answered and some were not. Its code is `partial_failure`;
 * `details.items` says which failed, and why.
 *
 * @example
 * import { createClient, PartialFailure } from 'skein'
 *
 * await using client = await createClient()
 * try {
 *   await client.embed({ model: 'skein-tiny', input: ['one', 'two'] })
 * } catch (error) {
 *   if (!(error instanceof PartialFailure)) throw error
 *   console.log('kept', error.answer, 'to retry', error.details.items)
 * }
 */
export class PartialFailure<T = unknown> extends InferenceError<'partial_failure'> {
  static override readonly name: string = 'PartialFailure'
  override readonly name: string = 'PartialFailure'
  /** What did arrive, under its own indices. Absent for a stream, whose pieces the caller has. */
  readonly answer: T | undefined

  constructor(total: number, details: PartialDetails, answer?: T) {
    const { items } = details
    const named = items.slice(0, MAX_NAMED).map(({ index }) => index)
    const more = items.length > named.length ? ', …' : ''
    super(
      'partial_failure',
      `${items.length} of ${total} failed (${named.join(', ')}${more}); the first: ${items[0]?.message ?? ''}`,
      { details },
    )
    this.answer = answer
  }
}
