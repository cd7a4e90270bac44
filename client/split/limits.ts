/** Bounds of splitting. */
export const SPLIT_LIMITS = {
  /** Choices for each prompt, as with OpenAI. */
  maxChoices: 128,
  /** Prompts of one completion; OpenAI names no bound. */
  maxPrompts: 2_048,
  /** Choices of all prompts together: each is a request of its own. */
  maxParts: 8_192,
  /** Inputs of one embedding call: 8 times OpenAI's. */
  maxInputs: 16_384,
  /** Embedding calls with no more inputs go to one peer: splitting them gains less than a round trip. */
  wholeInputs: 16,
  /** Inputs of one shard before any was measured. */
  firstShardInputs: 64,
  /** Characters of one shard, unless one input alone has more: what a node uploads in a moment. */
  maxShardChars: 1_048_576,
  /** Times that a part by itself may fail before that is its result; each time several peers were asked. */
  maxTries: 3,
  /** The same in a batch, where nobody was there to ask: with the pauses between them half a minute. */
  maxBatchAbsences: 8,
  /** Requests of a batch between the oldest that is unanswered and the newest begun, where the order is kept. */
  maxAhead: 1_024,
} as const
