import type { Host } from '../../host/index.ts'
import type { Connect } from '../attempt/index.ts'
import type { Directory } from '../directory/index.ts'
import type { Prober } from '../probe/index.ts'
import type { InFlight, LatencyModel, Suspects } from '../route/index.ts'

/** What all requests of a client share. */
export interface DispatchContext {
  readonly host: Pick<Host, 'bootstrapPeers'> & {
    readonly libp2p: Pick<Host['libp2p'], 'getPeers'>
  }
  readonly connect: Connect
  readonly directory: Directory
  readonly prober: Prober
  readonly latency: LatencyModel
  readonly inFlight: InFlight
  readonly suspects: Suspects
  /** From 0, below 1. */
  readonly random: () => number
}
