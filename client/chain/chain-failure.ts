import { type ErrorDetails, type ErrorKind, InferenceError } from '../../protocol/index.ts'

/** What came of one member of a chain. */
export interface MemberFailure {
  /** The member, as errors and events name it. */
  readonly member: string
  readonly error: InferenceError
}

/** Characters of each member's message in that of the chain; the details hold all of it. */
const MAX_SHOWN = 200

/** Whether a failure says that its member may fail others too. */
export function isTelling({ code, traits }: InferenceError): boolean {
  return (
    traits.kind !== 'claim' &&
    code !== 'cancelled' &&
    code !== 'not_resumable' &&
    code !== 'quorum_not_reached'
  )
}

/**
 * When no member answered: the code is that of a busy one, as it may answer yet; else of the last that failed at its
 * work; else what the request was blamed for; else that there was nobody, and `model_not_found` when that was all.
 */
export function noneAnswered(failures: readonly MemberFailure[]): InferenceError {
  const newest = failures.toReversed().map(({ error }) => error)
  const [last] = newest
  if (last === undefined) return new InferenceError('internal', 'no member of the chain was asked')
  if (failures.length === 1) return last
  const ofKind = (kind: ErrorKind): InferenceError | undefined =>
    newest.find(({ traits }) => traits.kind === kind)
  const chosen =
    ofKind('busy') ??
    newest.find(({ traits }) => traits.kind !== 'claim' && traits.kind !== 'absent') ??
    ofKind('claim') ??
    newest.find(({ code }) => code === 'no_peers') ??
    last
  const told = failures.map(({ member, error }) => `${member}: ${shown(error.message)}`)
  return new InferenceError(
    chosen.code,
    `none of ${failures.length} models answered: ${told.join('; ')}`,
    { cause: chosen, details: { ...chosen.details, ...membersOf(failures) }, ...soonest(newest) },
  )
}

/** A member broke off an answer that the caller has a part of, and nobody goes on with it. */
export function brokenOffBy(
  { error, member }: MemberFailure,
  why: string,
  further: readonly MemberFailure[],
): InferenceError {
  const told = further.map((failure) => `${failure.member}: ${shown(failure.error.message)}`)
  const about = [why, ...told].filter((text) => text !== '').join('; ')
  const details = further.length === 0 ? {} : membersOf([{ error, member }, ...further])
  return new InferenceError(
    error.code,
    about === '' ? error.message : `${error.message}; ${about}`,
    {
      cause: error,
      details: { ...error.details, ...details },
      ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    },
  )
}

function membersOf(failures: readonly MemberFailure[]): Pick<ErrorDetails, 'members'> {
  return {
    members: failures.map(({ member, error: { code, message } }) => ({
      model: member,
      code,
      message,
    })),
  }
}

/** When the first of them takes work again. */
function soonest(errors: readonly InferenceError[]): { retryAfterMs?: number } {
  const times = errors.flatMap(({ retryAfterMs }) => retryAfterMs ?? [])
  return times.length === 0 ? {} : { retryAfterMs: Math.min(...times) }
}

function shown(message: string): string {
  return message.length <= MAX_SHOWN ? message : `${message.slice(0, MAX_SHOWN - 1)}…`
}
