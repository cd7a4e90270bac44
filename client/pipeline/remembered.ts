import { InferenceError } from '../../protocol/index.ts'
import { type Clock, failing, tapped } from '../../timing/index.ts'
import type { Stage } from './ask.ts'
import { FailureMemory } from './failure-memory.ts'
import type { PreparedRequest } from './prepare.ts'
import { requestKey } from './request-key.ts'

/**
 * Answers a request that failed repeatedly with its last failure, for a while. Parts of a split call bypass this stage,
 * because each of them may go to different peers.
 */
export function remembered({ clock }: { readonly clock: Pick<Clock, 'now'> }): Stage {
  const failures = new FailureMemory()
  return (next) => (request, scope) => {
    if (request.placement?.narrow !== undefined) return next(request, scope)
    const { journal } = request
    // Hashing a long body is slow, and most clients have no failure to remember.
    let hashed: string | undefined
    const key = (): string => {
      hashed ??= keyOf(request)
      return hashed
    }
    const known = failures.size > 0 ? failures.recall(key(), clock.now()) : undefined
    if (known !== undefined) {
      journal.remembered = true
      return failing(known)
    }
    let isDone = false
    return tapped(next(request, scope), {
      value: ({ type }) => {
        if (type !== 'done') return
        isDone = true
        if (failures.size > 0) failures.succeeded(key())
      },
      failed: (error) => {
        // Without an attempt there was no cost, and the next time a peer may be available.
        if (!isDone && journal.attempts.length > 0) {
          const code = scope.signal.aborted ? 'cancelled' : 'internal'
          failures.failed(key(), InferenceError.from(error, code), clock.now())
        }
        return error
      },
    })
  }
}

/** Includes everything that affects which peers and providers may answer and which answers count. */
function keyOf({
  request: { kind, body },
  limits: { maxAttempts },
  ...request
}: PreparedRequest): string {
  const { asked, policy, resume, verify, trusted, providers = null, sources } = request
  const peers = [...(trusted ?? ['*'])].toSorted((a, b) => a.localeCompare(b))
  const names = sources?.version ?? 0
  const who = { peers, providers, names }
  return requestKey(kind, { asked, policy, resume, verify, maxAttempts, ...who, body })
}
