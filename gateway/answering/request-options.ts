import type { Context } from 'hono'
import {
  parsePolicy,
  parseResumeMode,
  parseSwitchModels,
  parseVerifyMode,
  type RequestOptions,
  trustedPeers,
} from '../../client/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import type { QueuedOptions } from '../queue/index.ts'
import { HOPS_HEADER } from '../security/index.ts'

/** Headers in which every SDK can say how a request is to be carried out. */
export type AskingHeader =
  | 'x-skein-policy'
  | 'x-skein-resume'
  | 'x-skein-switch-models'
  | 'x-skein-verify'
  | 'x-skein-trusted'
  | 'x-skein-timeout-ms'
  | 'x-skein-ttft-timeout-ms'
  | typeof HOPS_HEADER

/** Longest time that a timer can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** All of them. */
export const ASKING_HEADERS: readonly AskingHeader[] = [
  'x-skein-policy',
  'x-skein-resume',
  'x-skein-switch-models',
  'x-skein-verify',
  'x-skein-trusted',
  'x-skein-timeout-ms',
  'x-skein-ttft-timeout-ms',
  HOPS_HEADER,
]

/** Those that came, as they came: a batch keeps them, so that they hold for it after a restart too. */
export type AskingHeaders = Readonly<Partial<Record<AskingHeader, string>>>

/** What all handlers of a request read of its headers, and nothing else of them. */
export function askingHeaders(headers: Headers): AskingHeaders {
  return Object.fromEntries(
    ASKING_HEADERS.flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value]]
    }),
  )
}

/**
 * How a request is to be carried out, by its headers. Peers that may see it are told apart by commas; their order and
 * repetitions mean nothing and are gone.
 *
 * @throws InferenceError `invalid_request`, naming the header or its option
 */
export function optionsOf(
  headers: AskingHeaders,
  { limits }: Pick<GatewayContext, 'limits'>,
): Omit<RequestOptions, 'signal'> & { readonly timeoutMs: number } {
  const {
    'x-skein-policy': policy,
    'x-skein-resume': resume,
    'x-skein-switch-models': switchModels,
    'x-skein-verify': verify,
    'x-skein-trusted': trusted,
    [HOPS_HEADER]: hops,
  } = headers
  if (policy !== undefined) parsePolicy(policy)
  const ttftTimeoutMs = millisecondsOf(headers, 'x-skein-ttft-timeout-ms')
  const timeoutMs = millisecondsOf(headers, 'x-skein-timeout-ms') ?? limits.timeoutMs
  return {
    timeoutMs: Math.min(timeoutMs, limits.timeoutMs),
    ...(ttftTimeoutMs !== undefined && { ttftTimeoutMs }),
    ...(policy !== undefined && { policy: policy as NonNullable<RequestOptions['policy']> }),
    ...(resume !== undefined && { resume: parseResumeMode(resume) }),
    ...(switchModels !== undefined && { switchModels: parseSwitchModels(switchModels) }),
    ...(verify !== undefined && { verify: parseVerifyMode(verify) }),
    ...(trusted !== undefined && { trusted: peersOf(trusted) }),
    ...(hops !== undefined && { hops: Math.max(0, Math.trunc(Number(hops))) }),
  }
}

/** {@link optionsOf} a request that is answered while its caller waits. */
export function requestOptions(
  c: Context<GatewayEnv>,
  context: Pick<GatewayContext, 'limits'>,
): QueuedOptions {
  const { headers, signal } = c.req.raw
  return {
    signal,
    ...optionsOf(askingHeaders(headers), context),
    caller: c.get('caller'),
    onPosition: (ahead) => c.set('queued', ahead),
  }
}

function peersOf(text: string): readonly string[] {
  const peers = text.split(',').map((peer) => peer.trim())
  return [...(trustedPeers(peers) ?? [])].sort((one, other) => (one < other ? -1 : 1))
}

function millisecondsOf(
  headers: AskingHeaders,
  name: 'x-skein-timeout-ms' | 'x-skein-ttft-timeout-ms',
): number | undefined {
  const text = headers[name]
  if (text === undefined) return undefined
  const ms = Number(text)
  if (ms > 0 && ms <= MAX_TIMEOUT_MS) return ms
  throw new InferenceError(
    'invalid_request',
    `${name} is not a number above 0 and at most ${MAX_TIMEOUT_MS}`,
    { details: { param: name } },
  )
}
