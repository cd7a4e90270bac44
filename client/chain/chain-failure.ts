import { type ErrorDetails, InferenceError } from '../../protocol/index.ts'
import { highestRanked, soonestRetry } from '../request/index.ts'

/** The failure of one member of a chain. */
export interface MemberFailure {
  /** The member's name in errors and events. */
  readonly member: string
  readonly error: InferenceError
}

/** Characters of each member's message in the message of the chain; the details hold all of it. */
const MAX_SHOWN = 200

/** Whether a failure suggests that the member would fail other requests, too. */
export function countsAgainstMember({ code, traits }: InferenceError): boolean {
  return (
    traits.kind !== 'claim' &&
    code !== 'cancelled' &&
    code !== 'not_resumable' &&
    code !== 'quorum_not_reached'
  )
}

/**
 * The error of a chain in which no member answered. Its code is that of a busy member, which may answer later; else of the
 * last member that failed while serving; else of the last rejection of the request; else `no_peers`; else
 * `model_not_found`.
 */
export function noneAnswered(failures: readonly MemberFailure[]): InferenceError {
  const newest = failures.toReversed().map(({ error }) => error)
  const [last] = newest
  if (last === undefined) return new InferenceError('internal', 'no member of the chain was asked')
  if (failures.length === 1) return last
  const chosen =
    highestRanked(newest, [
      'busy',
      ({ traits }) => traits.kind !== 'claim' && traits.kind !== 'absent',
      'claim',
      ({ code }) => code === 'no_peers',
    ]) ?? last
  const messages = failures.map(({ member, error }) => `${member}: ${shown(error.message)}`)
  return new InferenceError(
    chosen.code,
    `none of ${failures.length} models answered: ${messages.join('; ')}`,
    {
      cause: chosen,
      details: { ...chosen.details, ...membersOf(failures) },
      ...soonestRetry(newest),
    },
  )
}

/** The error of a member that failed after its answer had begun, when no other member continues the answer. */
export function brokenOffBy(
  { error, member }: MemberFailure,
  why: string,
  further: readonly MemberFailure[],
): InferenceError {
  const messages = further.map((failure) => `${failure.member}: ${shown(failure.error.message)}`)
  const about = [why, ...messages].filter((text) => text !== '').join('; ')
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

function shown(message: string): string {
  return message.length <= MAX_SHOWN ? message : `${message.slice(0, MAX_SHOWN - 1)}…`
}
