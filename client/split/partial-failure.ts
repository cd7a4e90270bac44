import { type ErrorDetails, InferenceError } from '../../protocol/index.ts'

type PartialDetails = ErrorDetails<'partial_failure'> &
  Required<Pick<ErrorDetails<'partial_failure'>, 'items'>>

/** Max items listed in a message. */
const MAX_NAMED = 10

/**
 * Some choices, prompts or inputs of a call failed and others were answered. The code is `partial_failure`;
 * `details.items` lists the failed items with their errors.
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
  /** The answered items, with their original indices. Undefined for a stream, whose chunks the caller already has. */
  readonly answer: T | undefined

  constructor(total: number, details: PartialDetails, answer?: T) {
    const { items } = details
    const named = items.slice(0, MAX_NAMED).map(({ index }) => index)
    const more = items.length > named.length ? ', …' : ''
    super(
      'partial_failure',
      `${items.length} of ${total} failed (${named.join(', ')}${more}); first error: ${items[0]?.message ?? ''}`,
      { details },
    )
    this.answer = answer
  }
}
