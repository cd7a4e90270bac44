import { InferenceError } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { Stage } from './ask.ts'
import { FailureMemory } from './failure-memory.ts'
import type { PreparedRequest } from './prepare.ts'
import { requestKey } from './request-key.ts'

/**
 * Answers a request that failed again and again with its last failure, for a while. Parts of larger work are neither
 * remembered nor answered so: which peers they may go to changes with each part.
 */
export function remembered({ clock }: { readonly clock: Pick<Clock, 'now'> }): Stage {
  const failures = new FailureMemory()
  return (next) =>
    async function* (request, scope) {
      if (request.placement?.narrow !== undefined) return yield* next(request, scope)
      const { journal } = request
      // Hashing a long body takes a while, and most clients have no failure to remember.
      let hashed: string | undefined
      const key = (): string => {
        hashed ??= keyOf(request)
        return hashed
      }
      const known = failures.size > 0 ? failures.recall(key(), clock.now()) : undefined
      if (known !== undefined) {
        journal.remembered = true
        throw known
      }
      let isDone = false
      try {
        for await (const event of next(request, scope)) {
          if (event.type === 'done') {
            isDone = true
            if (failures.size > 0) failures.succeeded(key())
          }
          yield event
        }
      } catch (error) {
        // Without an attempt nothing was spent, and there may be a peer the next time.
        if (!isDone && journal.attempts.length > 0) {
          const code = scope.signal.aborted ? 'cancelled' : 'internal'
          failures.failed(key(), InferenceError.from(error, code), clock.now())
        }
        throw error
      }
    }
}

/** Includes whatever changes which peers may answer, and what counts as an answer. */
function keyOf({
  request: { kind, body },
  limits: { maxAttempts },
  ...request
}: PreparedRequest): string {
  const { asked, policy, resume, verify, trusted } = request
  const peers = [...(trusted ?? ['*'])].toSorted((a, b) => a.localeCompare(b))
  return requestKey(kind, { asked, policy, resume, verify, maxAttempts, peers, body })
}
