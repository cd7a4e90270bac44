import type { Context } from 'hono'
import { InferenceError, isLoopbackAddress } from '../protocol/index.ts'
import type { GatewayEnv } from './context.ts'
import { isForwarded, isOtherPage, type KeyRing } from './security/index.ts'

const ADVICE = 'create a key (gateway key add NAME), and send it'

export interface OwnerRules {
  readonly keys: Pick<KeyRing, 'isRequired' | 'isUnrestricted'>
  /** Whether, without keys, callers on this machine count as its owner. */
  readonly trustsLoopback: boolean
}

/**
 * Why a caller may not change the models of this machine: its key is restricted, or, without keys, the call may come
 * from another machine or a web page of others. `undefined` if it may.
 */
export function whyNotOwner(c: Context<GatewayEnv>, rules: OwnerRules): string | undefined {
  const { keys, trustsLoopback } = rules
  if (keys.isRequired) {
    const isOwner = keys.isUnrestricted(c.get('caller'))
    return isOwner ? undefined : 'a restricted API key may not change models'
  }
  const { remoteAddress } = c.env
  // In-process there is no other end.
  if (remoteAddress !== undefined && !isLoopbackAddress(remoteAddress)) {
    return `without API keys, models are changed from the machine itself only: ${ADVICE}`
  }
  if (!trustsLoopback) {
    return `this gateway is open to other machines or names, so changing models needs a key: ${ADVICE}`
  }
  if (isOtherPage(c)) return `pages of other origins change models with a key only: ${ADVICE}`
  if (isForwarded(c.req.raw.headers)) {
    return `without API keys, models are not changed through a proxy: ${ADVICE}`
  }
  return undefined
}

/** @throws InferenceError `unauthorized` unless the caller may change the models of this machine */
export function requireOwner(c: Context<GatewayEnv>, rules: OwnerRules): void {
  const why = whyNotOwner(c, rules)
  if (why !== undefined) throw new InferenceError('unauthorized', why)
}
