/** Every bound on what a peer may send, in one place. A peer that exceeds one gets `malformed` or `invalid_request`. */
export const LIMITS = {
  /** One length-prefixed frame, either direction. */
  maxFrameBytes: 1_048_576,
  /** A request's JSON over all its `Body` frames. */
  maxRequestBytes: 16_777_216,
  /** `Body` frames are cut at this size, so that a large request never holds up other streams. */
  bodyFrameBytes: 65_536,
  /** Everything a node may send in one attempt. */
  maxResponseBytes: 67_108_864,
  /** Frames a node may send in one attempt. */
  maxResponseFrames: 1_000_000,
  /** One signed advertisement. */
  maxAdvertisementBytes: 65_536,
  /** Advertisements of others in one exchange. */
  maxKnownAdvertisements: 64,
  /** Models in one advertisement. */
  maxAdvertisedModels: 128,
  /** Aliases of one advertised model. */
  maxAliases: 16,
  /** Optional request fields of one advertised model. */
  maxModelFields: 64,
  /** Addresses in one advertisement. */
  maxAdvertisedAddresses: 16,
  /** Longest lifetime of an advertisement. */
  maxAdvertisementAgeMs: 3_600_000,
  /** Tolerated clock skew before an advertisement counts as issued in the future. */
  maxClockSkewMs: 300_000,
  /** A model id, an alias, an operator tag. */
  maxNameLength: 256,
  /** A failure's message; longer ones are truncated. */
  maxMessageLength: 2_000,
  /** Token ids in one frame. */
  maxTokenIds: 262_144,
  /** Cap on `retryAfterMs` from a peer. */
  maxRetryAfterMs: 60_000,
  /** One membership certificate or badge, signed. */
  maxCertificateBytes: 1_024,
  /** One signed list of members. */
  maxMemberListBytes: 786_432,
  /** Certificates, and invites, in one list of members. */
  maxMembers: 1_024,
  /** Revocations in one list of members. */
  maxRevocations: 4_096,
  /** Issuers in one swarm: the owner and its admins. */
  maxIssuers: 33,
  /** Longest deadline of a request. */
  maxRemainingMs: 3_600_000,
  /** Stop strings in a request. OpenAI allows 4, Anthropic documents no limit. */
  maxStopStrings: 64,
  /** Tools in a request, tool calls in a message. OpenAI allows 128, Anthropic documents no limit, and agents with several servers of tools offer hundreds. */
  maxTools: 1_024,
  /** Nesting of a request's JSON. */
  maxJsonDepth: 128,
  /** Length of one stop string. */
  maxStopLength: 256,
  /** Answers to one request in one attempt. */
  maxChoices: 8,
  /** `top_logprobs`. */
  maxTopLogprobs: 20,
  /** Nesting of a JSON schema, tool parameters included. */
  maxSchemaDepth: 32,
  /** Tokens of an answer in a request to rate it. */
  maxScoredTokens: 8_192,
  /** UTF-16 code units of their text. */
  maxScoredText: 131_072,
  /** One receipt with both signatures. */
  maxReceiptBytes: 1_024,
  /** Receipts of others in one exchange. */
  maxKnownReceipts: 256,
  /** Age at which a receipt expires: 14 days. */
  maxReceiptAgeMs: 1_209_600_000,
  /** Tokens in one receipt, prompt or completion. */
  maxReceiptTokens: 10_000_000,
  /** Addresses in one dial-back request. */
  maxDialBackTargets: 4,
  /** Bytes of a dial-back request for each address: about what a handshake makes the dialler send. */
  dialBackBytesPerTarget: 1_024,
  /** One signed sighting. */
  maxSightingBytes: 1_024,
  /** Sightings that one side of a direct path brings. */
  maxDirectPathSightings: 3,
  /** Sockets that one side of a direct path names. */
  maxDirectPathCandidates: 6,
  /** Inputs of one embedding request. */
  maxEmbeddingInputs: 2_048,
  /** Fields of one request, unknown ones included: each is named in a refusal. */
  maxFields: 256,
  /** Messages of one chat. */
  maxMessages: 4_096,
  /** Parts of one message's content. */
  maxContentParts: 1_024,
  /** Entries of `logit_bias`. */
  maxLogitBias: 1_024,
  /** Objects and arrays of a request's JSON. Each costs microseconds to validate. */
  maxJsonContainers: 131_072,
  /** Strings of a request's JSON, names of fields among them. */
  maxJsonStrings: 262_144,
  /** Values of a request's JSON. Above the token ids of the longest prompt. */
  maxJsonValues: 524_288,
} as const
