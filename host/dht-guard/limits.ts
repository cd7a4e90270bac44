/** Bounds on DHT messages and records from a peer, solicited or not. */
export const DHT_LIMITS = {
  /** An answer: closer peers and providers with their addresses. */
  maxAnswerBytes: 262_144,
  /** A query, or a record to store. */
  maxRequestBytes: 32_768,
  /** Closer peers of one answer: Kademlia's k. */
  maxCloserPeers: 20,
  /** Providers of one message; a random part of a longer list. */
  maxProviders: 256,
  /** Addresses of one peer. */
  maxAddresses: 16,
  /** Bytes of one address. */
  maxAddressBytes: 256,
  /** Bytes of a peer id. */
  maxPeerIdBytes: 64,
  /** Bytes of a key. */
  maxKeyBytes: 128,
  /** Messages of one peer: a node that announces all its models at once, then a steady rate. */
  requests: { perSecond: 50, burst: 4_096 },
  /** Keys that one peer may provide. Enough for a hundred models with aliases. */
  maxKeysPerPeer: 2_048,
  /** Records from one public network. */
  maxRecordsPerNetwork: 8_192,
  /** Providers of one key: each look-up reads them all. */
  maxProvidersPerKey: 512,
  /** Of those, from one public network: identities are free. */
  maxProvidersPerKeyAndNetwork: 64,
  /** Records in all. */
  maxRecords: 65_536,
  /** The DHT's own lifetime of a record. */
  recordLifeMs: 1_800_000,
} as const
