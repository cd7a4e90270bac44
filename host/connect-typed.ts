import type { Libp2p, PeerId } from '@libp2p/interface'
import { InferenceError } from '../protocol/index.ts'
import { type AbortOptions, openScope } from '../timing/index.ts'
import type { Gater } from './gater.ts'
import { parseAddress } from './typed-addresses.ts'

/** Dialling an address that the user entered. */
const CONNECT_TIMEOUT_MS = 10_000

/** Dials an address that the user entered. Contract: `Host.connect`. */
export async function connectTyped(
  init: {
    readonly libp2p: Pick<Libp2p, 'dial'>
    readonly gater: Pick<Gater, 'trust'>
    /** Fires when the host stops. */
    readonly signal: AbortSignal
    readonly explain: (error: unknown) => string
  },
  address: string,
  options: AbortOptions = {},
): Promise<PeerId> {
  const { libp2p, gater, signal, explain } = init
  const target = parseAddress(address)
  gater.trust(target)
  using scope = openScope(
    { timeoutMs: CONNECT_TIMEOUT_MS },
    { signal: options.signal, owner: signal },
  )
  try {
    return (await libp2p.dial(target, { signal: scope.signal })).remotePeer
  } catch (cause) {
    options.signal?.throwIfAborted()
    const code = scope.expired() ? 'stalled' : 'dial_failed'
    throw new InferenceError(code, `${address}: ${explain(cause)}`, { cause })
  }
}
