/** Bounds of splitting. */
export const SPLIT_LIMITS = {
  /** Choices per prompt, as with OpenAI. */
  maxChoices: 128,
  /** Prompts of one completion; OpenAI documents no limit. */
  maxPrompts: 2_048,
  /** Choices of all prompts together; each is a request. */
  maxParts: 8_192,
  /** Inputs of one embedding call: 8 times OpenAI's limit. */
  maxInputs: 16_384,
  /** Embedding calls with this many inputs or fewer go to one peer: splitting them gains less than a round trip. */
  wholeInputs: 16,
  /** Inputs of one shard before the time per input is known. */
  firstShardInputs: 64,
  /** Characters of one shard (unless a single input is longer): a short upload. */
  maxShardChars: 1_048_576,
  /** Tries of a single item before it fails; each try may ask several peers. */
  maxTries: 3,
  /** Tries of a batch request while no peer is available: half a minute including the delays. */
  maxBatchAbsences: 8,
  /** Requests of an ordered batch between the oldest unanswered one and the newest one started. */
  maxAhead: 1_024,
} as const
