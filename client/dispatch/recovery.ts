import type { DeliveredChunk, Job } from '../request/index.ts'
import type { Delivery } from './delivery.ts'
import type { Recovery } from './dispatch-state.ts'
import type { Leader } from './leader.ts'
import { type ResumeNeed, resumeMethod, resumeNeedOf } from './resume-need.ts'
import type { Selection } from './selection.ts'

/** How a begun answer can be recovered when its leader is lost. */
export class AnswerRecovery {
  readonly #job: Pick<Job, 'delivered' | 'restartable'>
  readonly #delivery: Delivery
  readonly #leader: Leader
  readonly #selection: Selection

  constructor(init: {
    readonly job: Pick<Job, 'delivered' | 'restartable'>
    readonly delivery: Delivery
    readonly leader: Leader
    readonly selection: Selection
  }) {
    this.#job = init.job
    this.#delivery = init.delivery
    this.#leader = init.leader
    this.#selection = init.selection
  }

  /** What to do next. */
  step(): Recovery {
    const { type } = this.#delivery.continuation()
    if (type === 'ended') return 'end'
    return type === 'resume' ? 'resume' : this.stepWithoutResume()
  }

  /** What to do if no peer was found that continues the answer. */
  stepWithoutResume(): Recovery {
    return this.#job.restartable ? 'restart' : 'give-up'
  }

  /** @throws InferenceError if the answer cannot continue */
  resumeNeed(): ResumeNeed {
    return resumeNeedOf(this.#delivery.continuation(), {
      leader: this.#leader.attempt,
      begunElsewhere: this.#job.delivered && { digest: digestOf(this.#job.delivered) },
      failures: this.#selection.failures,
    })
  }

  /** Whether any peer's engine can continue the answer. */
  isPossible(): boolean {
    try {
      const need = this.resumeNeed()
      return this.#selection.candidates().some((peer) => resumeMethod(peer, need) !== undefined)
    } catch {
      return false
    }
  }
}

/** Digest of the weights that wrote all of it. Empty if unknown, or if several did. */
function digestOf(delivered: readonly DeliveredChunk[]): string {
  const digests = new Set(delivered.map(({ digest }) => digest))
  const [only = ''] = digests
  return digests.size === 1 ? only : ''
}
