import type { PeerId } from '@libp2p/interface'
import type {
  Advertisement,
  ModelAdvertisement,
  ModelReference,
  Requirements,
} from '../../protocol/index.ts'
/** What a request needs of whoever serves it. */
export interface Query {
  readonly reference: ModelReference
  readonly needs: Requirements
  /** Exact length of a prompt given as token ids. Text is only counted by the engine, so it excludes nobody. */
  readonly promptTokens?: number
}

/** A peer that says it can serve the request. */
export interface Candidate {
  readonly peerId: PeerId
  /** The peer id as text. */
  readonly key: string
  readonly advertisement: Advertisement
  readonly model: ModelAdvertisement
  /** How it is known; `heard`: only others told of it. @default 'met' */
  readonly acquaintance?: 'heard' | 'met' | 'answered'
}

/** What choosing needs to know of a peer that may serve. */
export interface RouteCandidate {
  /** The peer id as text. */
  readonly key: string
  readonly advertisement: Pick<
    Advertisement,
    'addresses' | 'decodeRate' | 'operator' | 'prefillRate' | 'slots'
  >
  readonly model: Pick<ModelAdvertisement, 'contextLength' | 'digest' | 'id' | 'templateHash'>
  /** How it is known; `heard`: only others told of it. @default 'met' */
  readonly acquaintance?: 'heard' | 'met' | 'answered'
}
