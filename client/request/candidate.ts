import type { PeerId } from '@libp2p/interface'
import type {
  Advertisement,
  ModelAdvertisement,
  ModelReference,
  Requirements,
} from '../../protocol/index.ts'

/** What a request requires of a peer. */
export interface Query {
  readonly reference: ModelReference
  readonly needs: Requirements
  /** Exact length of a prompt given as token ids. Only the engine can count the tokens of text, so text excludes no peer. */
  readonly promptTokens?: number | undefined
}

/** A peer whose advertisement matches the request. */
export interface Candidate {
  readonly peerId: PeerId
  /** The peer id as text. */
  readonly key: string
  readonly advertisement: Advertisement
  readonly model: ModelAdvertisement
  /** How the peer is known; `heard`: only from other peers. @default 'met' */
  readonly acquaintance?: 'heard' | 'met' | 'answered'
}

/** The part of a candidate that routing reads. */
export interface RouteCandidate {
  /** The peer id as text. */
  readonly key: string
  readonly advertisement: Pick<
    Advertisement,
    'addresses' | 'coldStartMs' | 'decodeRate' | 'operator' | 'prefillRate' | 'slots'
  >
  readonly model: Pick<
    ModelAdvertisement,
    'coldStartMs' | 'contextLength' | 'digest' | 'id' | 'templateHash'
  >
  /** How the peer is known; `heard`: only from other peers. @default 'met' */
  readonly acquaintance?: 'heard' | 'met' | 'answered'
}
