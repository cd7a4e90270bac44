import type { ResumeSupport } from '../protocol/index.ts'
import type { ModelView } from './state.ts'

/** One peer's offer of a model. */
export interface Offer {
  readonly peerId: string
  readonly network: string
  /** Relays that lead to the peer. Empty if it is reached directly. */
  readonly relays: readonly string[]
  readonly resume: ResumeSupport
}

const RESUME_ORDER = ['none', 'prefill', 'tokens'] as const satisfies readonly ResumeSupport[]

/**
 * How many peers, networks and relays may fail at once, whichever they are, while the model is still served: one fewer
 * than there are. A relayed peer is lost only with the last of its relays.
 */
export function spareOf(offers: readonly Offer[]): ModelView['spare'] {
  const oneLess = (names: readonly string[]): number => Math.max(0, new Set(names).size - 1)
  const spare = {
    peers: oneLess(offers.map(({ peerId }) => peerId)),
    networks: oneLess(offers.map(({ network }) => network)),
  }
  const allRelayed = offers.length > 0 && offers.every(({ relays }) => relays.length > 0)
  return allRelayed ? { ...spare, relays: oneLess(offers.flatMap(({ relays }) => relays)) } : spare
}

/** The best support that some peer offers. */
export function bestResume(offers: readonly Offer[]): ResumeSupport {
  const ranks = offers.map(({ resume }) => RESUME_ORDER.indexOf(resume))
  return RESUME_ORDER[Math.max(0, ...ranks)] ?? 'none'
}
