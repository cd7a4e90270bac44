/** Every bound of the console. */
export const CONSOLE_LIMITS = {
  /** Requests kept; of those that have ended the oldest go first. More only while more are running. */
  maxRequests: 1_000,
  /** Of all recorded prompts together. */
  maxPromptCharacters: 2_000_000,
  /** Lines of the log kept. */
  maxLogLines: 500,
  maxLogLineLength: 2_000,
  /** Open event streams; the oldest is closed for a new one. */
  maxViewers: 16,
  /** Between two messages to one page. */
  messageEveryMs: 200,
  /** How often running requests are read while a page is open. */
  runningEveryMs: 250,
  /** How often peers are asked for their load while a page is open. */
  peersEveryMs: 5_000,
  /** After a connection opened or closed. */
  peersSettleMs: 300,
  /** For one round of questions to all peers. */
  peersTimeoutMs: 10_000,
  keepAliveMs: 15_000,
  maxActionBytes: 65_536,
  /** Characters in the name of a key or a model. */
  maxKeyName: 300,
  /** Models named by one key. */
  maxKeyModels: 100,
  /** Batches shown; older ones are listed by the API. */
  maxBatches: 100,
  /** Errors shown of one batch's file. */
  maxBatchErrors: 5,
} as const
