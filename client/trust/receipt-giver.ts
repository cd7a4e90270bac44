import { type Ledger, specHashOf } from '../../ledger/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { Answered } from '../attempt/index.ts'
import type { Candidate } from '../request/index.ts'
import { type Reputation, specClassOf } from './reputation/index.ts'

/** Delay before a receipt is given, so that a background audit of the answer can finish first. */
const WAIT_MS = 1_000

export interface ReceiptGiverInit {
  readonly ledger: Pick<Ledger, 'issue'>
  readonly reputation: Pick<Reputation, 'vouchesFor'>
  readonly clock: Pick<Clock, 'after' | 'wall'>
}

/** Gives receipts in the background, only to peers whose answers passed audits. */
export class ReceiptGiver {
  readonly #init: ReceiptGiverInit

  constructor(init: ReceiptGiverInit) {
    this.#init = init
  }

  give(
    { key, peerId, model }: Pick<Candidate, 'key' | 'model' | 'peerId'>,
    answer: Answered,
  ): void {
    const { ledger, reputation, clock } = this.#init
    const { attemptId, usage, answerHash, durationMs } = answer
    const endedAtMs = Math.floor(clock.wall())
    const received = {
      attemptId,
      answerHash,
      endedAtMs,
      server: peerId,
      specHash: specHashOf(model),
      inputTokens: usage.promptTokens,
      outputTokens: usage.completionTokens,
      startedAtMs: Math.floor(endedAtMs - durationMs),
    }
    clock.after(
      WAIT_MS,
      () => {
        if (reputation.vouchesFor(key, specClassOf(model))) void ledger.issue(received)
      },
      { background: true },
    )
  }
}
