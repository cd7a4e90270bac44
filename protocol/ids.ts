/** libp2p protocol ids. A change that old peers cannot read gets a new version. */
export const PROTOCOLS = {
  /** Distributed hash table: provider records for model keys. Never the public IPFS one. */
  kad: '/skein/kad/1.0.0',
  /** A peer's signed advertisement, and some of other peers. */
  advertisement: '/skein/advertisement/1.0.0',
  /** A peer's new advertisement, sent by the peer itself over an open connection. */
  notice: '/skein/notice/1.0.0',
  /** Live load in a few dozen bytes. */
  probe: '/skein/probe/1.0.0',
  /** One stream for each attempt. */
  inference: '/skein/inference/1.0.0',
  /** One attempt after the other over a stream that is kept. */
  keptInference: '/skein/inference/2.0.0',
  /** Countersigned receipts: for one answer, or those that a peer keeps. */
  receipt: '/skein/receipt/1.0.0',
  /** Asks a peer to dial the asker's own addresses. */
  dialBack: '/skein/dial-back/1.0.0',
  /** Proves, over the connection that the peer opened, that it dialled. */
  dialBackNonce: '/skein/dial-back-nonce/1.0.0',
  /** Asks a peer whether it sees another at the same public IP address as the asker. */
  sameNetwork: '/skein/same-network/1.0.0',
  /** Asks a bootstrap peer where it sees the asker, and where it answers STUN. */
  sighting: '/skein/sighting/1.0.0',
  /** Over a relayed connection: how to reach each other directly, by WebRTC. */
  directPath: '/skein/direct-path/1.0.0',
  /** Proof of membership, and the signed lists of members, in a swarm with members. */
  membership: '/skein/membership/1.0.0',
} as const

/** Signature domain of advertisements: a signature for one purpose is invalid for another. */
export const ADVERTISEMENT_DOMAIN = 'skein-advertisement'

/** Signature domain of sightings. */
export const SIGHTING_DOMAIN = 'skein-sighting'

/** Signature domains of receipts: the client's part and the server's. */
export const RECEIPT_DOMAINS = {
  client: 'skein-receipt',
  server: 'skein-receipt-countersigned',
} as const
