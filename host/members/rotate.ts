import { randomBytes } from 'node:crypto'
import { InferenceError, type Rotation, secretDigest } from '../../protocol/index.ts'
import { SWARM_SECRET_BYTES } from '../swarm-key.ts'
import { MEMBERSHIP } from './limits.ts'
import { issuerOf, type ManageOptions } from './manage.ts'
import type { Membership } from './membership.ts'
import { publish } from './publish.ts'

/** How a pre-shared key is replaced. */
export interface RotateOptions extends Omit<ManageOptions, 'isVoid'> {
  /**
   * How long older keys are accepted, so that members that are off now get the new one when they come back: 0 to 30 days.
   *
   * @default a day
   */
  readonly overlapMs?: number
}

/**
 * Makes a new pre-shared key. Members hand it on to each other over connections on which both have proved their membership;
 * who was revoked does not get it, and cannot connect once older keys are no longer accepted.
 *
 * @throws InferenceError `unauthorized` if this machine is no admin; `invalid_request` for an overlap out of range
 */
export async function rotateSwarmKey(
  membership: Membership,
  options: RotateOptions,
): Promise<Pick<Rotation, 'number' | 'oldUntilMs'>> {
  const { nowMs, overlapMs = MEMBERSHIP.overlapMs } = options
  if (!(overlapMs >= 0 && overlapMs <= MEMBERSHIP.maxOverlapMs)) {
    throw new InferenceError('invalid_request', 'older keys are accepted for 0 to 30 days', {
      details: { param: 'overlap' },
    })
  }
  const issuer = issuerOf(membership, false, options)
  const secret = randomBytes(SWARM_SECRET_BYTES)
  const digest = await secretDigest(secret)
  return await membership.change(async () => {
    const { roster } = membership
    const known = membership.keys.rotations(nowMs).map(({ number }) => number)
    // A number that this machine gave while its clock was far ahead does not count.
    const last = Math.max(membership.keys.number(nowMs), ...known)
    const rotation: Rotation = {
      number: Math.max(last + 1, nowMs),
      ...{ digest, oldUntilMs: nowMs + overlapMs, heads: roster.heads() },
    }
    await publish(membership, issuer, nowMs, (entries) => ({ ...entries, rotation }))
    await membership.rotated(secret, nowMs)
    return rotation
  })
}
