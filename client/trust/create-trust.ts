import { randomBytes } from 'node:crypto'
import type { Backend } from '../../backend/index.ts'
import type { Ledger } from '../../ledger/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { Answered, AttemptSource } from '../attempt/index.ts'
import type { Directory } from '../peers/index.ts'
import type { Candidate, RequestLimits } from '../request/index.ts'
import { Auditor, scoreAt } from './audit/index.ts'
import { Canaries, type CanaryMode, parseCanaryMode } from './canary/index.ts'
import { ReceiptGiver } from './receipt-giver.ts'
import { type Reputation, type TrustOf, trustOf } from './reputation/index.ts'

export interface TrustInit {
  readonly attempt: AttemptSource
  readonly limits: RequestLimits
  readonly directory: Pick<Directory, 'known'>
  readonly reputation: Reputation
  /** Issues receipts, and holds friends' opinions of peers. @default none */
  readonly ledger?: Ledger | undefined
  /** Whether peers get receipts. */
  readonly receipts: boolean
  /** The caller's own engine for rating answers. @default none */
  readonly scorer?: Backend | undefined
  readonly canaries: CanaryMode
  readonly clock: Clock
  /** From 0, below 1. */
  readonly random: () => number
}

/** Verification of peers, and its results for routing. */
export interface Trust {
  readonly trustOf: TrustOf
  readonly auditor: Auditor
  readonly canaries: Canaries
  /** Gives a receipt for a complete answer; absent if receipts are off. */
  readonly onAnswered?: ((candidate: Candidate, answer: Answered) => void) | undefined
}

/** @throws InferenceError `invalid_request` for an unknown canary mode */
export function createTrust(init: TrustInit): Trust {
  const { attempt, limits, directory, reputation, ledger, receipts, scorer, clock, random } = init
  const now = (): number => clock.wall()
  const giver = receipts && ledger ? new ReceiptGiver({ ledger, reputation, clock }) : undefined
  const auditor = new Auditor({
    reputation,
    random,
    now,
    clock,
    directory,
    scorer,
    score(candidate, body, { signal, timeoutMs, isPrivate }) {
      // Rating earns receipts, too, but a receipt for rating a private request would reveal that request.
      const onAnswered =
        isPrivate || giver === undefined
          ? undefined
          : (answer: Answered) => giver.give(candidate, answer)
      return scoreAt({ attempt, clock, limits, onAnswered }, candidate, body, { signal, timeoutMs })
    },
    seed: randomBytes(32),
  })
  return {
    auditor,
    trustOf: trustOf(reputation, random, (peer) => ledger?.trust.standing(peer)),
    canaries: new Canaries({
      attempt,
      limits,
      directory,
      reputation,
      auditor,
      clock,
      random,
      mode: parseCanaryMode(init.canaries),
    }),
    onAnswered: giver && ((peer, answer) => giver.give(peer, answer)),
  }
}
