import type { Context } from 'hono'
import {
  parsePolicy,
  parseResumeMode,
  parseSwitchModels,
  parseVerifyMode,
  type RequestOptions,
} from '../../client/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { HOPS_HEADER } from '../security/index.ts'

/**
 * How a request is to be carried out: `x-skein-policy`, `x-skein-resume`, `x-skein-switch-models`, `x-skein-verify`,
 * `x-skein-trusted` (peer ids, apart by commas) and `x-skein-timeout-ms` say it in headers, which every SDK can send.
 *
 * @throws InferenceError `invalid_request`, naming the header
 */
export function requestOptions(
  c: Context<GatewayEnv>,
  { limits }: Pick<GatewayContext, 'limits'>,
): RequestOptions {
  const policy = c.req.header('x-skein-policy')
  const resume = c.req.header('x-skein-resume')
  const switchModels = c.req.header('x-skein-switch-models')
  const verify = c.req.header('x-skein-verify')
  const trusted = c.req.header('x-skein-trusted')
  const hops = c.req.header(HOPS_HEADER)
  if (policy !== undefined) parsePolicy(policy)
  return {
    signal: c.req.raw.signal,
    timeoutMs: timeoutOf(c.req.header('x-skein-timeout-ms'), limits.timeoutMs),
    ...(policy !== undefined && { policy: policy as NonNullable<RequestOptions['policy']> }),
    ...(resume !== undefined && { resume: parseResumeMode(resume) }),
    ...(switchModels !== undefined && { switchModels: parseSwitchModels(switchModels) }),
    ...(verify !== undefined && { verify: parseVerifyMode(verify) }),
    ...(trusted !== undefined && { trusted: trusted.split(',').map((peer) => peer.trim()) }),
    ...(hops !== undefined && { hops: Math.max(0, Math.trunc(Number(hops))) }),
  }
}

function timeoutOf(text: string | undefined, longest: number): number {
  if (text === undefined) return longest
  const ms = Number(text)
  if (!(ms > 0)) {
    throw new InferenceError('invalid_request', 'x-skein-timeout-ms is not a number above 0', {
      details: { param: 'x-skein-timeout-ms' },
    })
  }
  return Math.min(ms, longest)
}
