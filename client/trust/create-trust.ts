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
import { Reputation, type TrustOf, trustOf } from './reputation/index.ts'

export interface ChecksInit {
  readonly attempt: AttemptSource
  readonly limits: RequestLimits
  readonly directory: Pick<Directory, 'known'>
  readonly reputation?: Reputation | undefined
  readonly ledger?: Ledger | undefined
  readonly receipts?: boolean | undefined
  readonly scorer?: Backend | undefined
  readonly canaries?: CanaryMode | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** @default the machine's */
  readonly clock?: Clock | undefined
  /** From 0, below 1. */
  readonly random: () => number
}

/** How peers are looked at, and what routing makes of it. */
export interface Checks {
  readonly trust: TrustOf
  readonly auditor: Auditor
  readonly canaries: Canaries
  readonly onAnswered?: (candidate: Candidate, answer: Answered) => void
}

/** @throws InferenceError `invalid_request` for canaries that are none */
export function createChecks(init: ChecksInit): Checks {
  const { attempt, limits, directory, ledger, scorer, now, clock, random } = init
  const reputation = init.reputation ?? new Reputation(now)
  const giver =
    init.receipts === true && ledger
      ? new ReceiptGiver({ ledger, reputation, now, clock })
      : undefined
  const auditor = new Auditor({
    ...{ reputation, random, now, clock, directory, scorer },
    score(candidate, body, { signal, timeoutMs, isPrivate }) {
      // Rating is work, too; of a private request nobody else learns.
      const onAnswered =
        isPrivate || giver === undefined
          ? undefined
          : (answer: Parameters<ReceiptGiver['give']>[1]) => giver.give(candidate, answer)
      return scoreAt({ attempt, clock, limits, onAnswered }, candidate, body, { signal, timeoutMs })
    },
    seed: randomBytes(32),
  })
  return {
    auditor,
    trust: trustOf(reputation, random, (peer) => ledger?.trust.standing(peer)),
    canaries: new Canaries({
      ...{ attempt, limits, directory, reputation, auditor, now, random },
      mode: parseCanaryMode(init.canaries ?? 'off'),
    }),
    ...(giver !== undefined && { onAnswered: (peer, answer) => giver.give(peer, answer) }),
  }
}
