import type { Context } from 'hono'
import {
  parsePolicy,
  parseResumeMode,
  parseSwitchModels,
  parseToolCallDelivery,
  parseVerifyMode,
  type RequestOptions,
  trustedPeers,
} from '../../client/index.ts'
import { InferenceError } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import type { QueuedOptions } from '../queue/index.ts'
import { HOPS_HEADER } from '../security/index.ts'

/** Request options as headers, which every SDK can set. */
export type AskingHeader =
  | 'x-skein-policy'
  | 'x-skein-resume'
  | 'x-skein-tool-calls'
  | 'x-skein-switch-models'
  | 'x-skein-verify'
  | 'x-skein-trusted'
  | 'x-skein-timeout-ms'
  | 'x-skein-ttft-timeout-ms'
  | typeof HOPS_HEADER

/** Longest delay of a timer. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** All of them. */
export const ASKING_HEADERS: readonly AskingHeader[] = [
  'x-skein-policy',
  'x-skein-resume',
  'x-skein-tool-calls',
  'x-skein-switch-models',
  'x-skein-verify',
  'x-skein-trusted',
  'x-skein-timeout-ms',
  'x-skein-ttft-timeout-ms',
  HOPS_HEADER,
]

/** The headers present, unparsed: a batch stores them, so that they apply after a restart. */
export type AskingHeaders = Readonly<Partial<Record<AskingHeader, string>>>

/** The only part of the headers that request handlers read. */
export function askingHeaders(headers: Headers): AskingHeaders {
  const given: Partial<Record<AskingHeader, string>> = {}
  for (const name of ASKING_HEADERS) {
    const value = headers.get(name)
    if (value !== null) given[name] = value
  }
  return given
}

/**
 * Request options from headers. Trusted peers are separated by commas; order and duplicates are
 * dropped.
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
    'x-skein-tool-calls': toolCalls,
    'x-skein-switch-models': switchModels,
    'x-skein-verify': verify,
    'x-skein-trusted': trusted,
    [HOPS_HEADER]: hops,
  } = headers
  if (policy !== undefined) parsePolicy(policy)
  const ttftTimeoutMs = millisecondsOf(headers, 'x-skein-ttft-timeout-ms')
  const timeoutMs = millisecondsOf(headers, 'x-skein-timeout-ms') ?? limits.timeoutMs
  const options: Writable<ReturnType<typeof optionsOf>> = {
    timeoutMs: Math.min(timeoutMs, limits.timeoutMs),
  }
  if (ttftTimeoutMs !== undefined) options.ttftTimeoutMs = ttftTimeoutMs
  if (policy !== undefined) options.policy = policy as NonNullable<RequestOptions['policy']>
  if (resume !== undefined) options.resume = parseResumeMode(resume)
  if (toolCalls !== undefined) options.toolCalls = parseToolCallDelivery(toolCalls)
  if (switchModels !== undefined) options.switchModels = parseSwitchModels(switchModels)
  if (verify !== undefined) options.verify = parseVerifyMode(verify)
  if (trusted !== undefined) options.trusted = peersOf(trusted)
  if (hops !== undefined) options.hops = Number(hops)
  return options
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** {@link optionsOf} a request whose caller waits for the answer. */
export function requestOptions(
  c: Context<GatewayEnv>,
  context: Pick<GatewayContext, 'limits'>,
): QueuedOptions {
  const { headers, signal } = c.req.raw
  const traceparent = headers.get('traceparent')
  const options: Writable<QueuedOptions> = optionsOf(askingHeaders(headers), context)
  options.signal = signal
  if (traceparent !== null) options.traceparent = traceparent
  options.caller = c.get('caller')
  options.onPosition = (ahead) => c.set('queued', ahead)
  return options
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
