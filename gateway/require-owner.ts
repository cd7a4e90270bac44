import type { Context } from 'hono'
import { InferenceError } from '../protocol/index.ts'
import type { GatewayEnv } from './context.ts'
import type { KeyRing } from './security/index.ts'

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/

/**
 * Refuses to change the models of this machine for a caller whose key is restricted, or who, without keys, calls from
 * another machine.
 *
 * @throws InferenceError `unauthorized`
 */
export function requireOwner(
  c: Context<GatewayEnv>,
  keys: Pick<KeyRing, 'isRequired' | 'isUnrestricted'>,
): void {
  if (keys.isRequired) {
    if (keys.isUnrestricted(c.get('caller'))) return
    throw new InferenceError('unauthorized', 'a restricted API key may not change models')
  }
  const { remoteAddress } = c.env
  // In-process there is no other end.
  if (remoteAddress === undefined || LOOPBACK.test(remoteAddress)) return
  throw new InferenceError(
    'unauthorized',
    'without API keys, models are changed from the machine itself only',
  )
}
