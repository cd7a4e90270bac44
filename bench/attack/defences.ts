/** One change to a source of the target that takes a defence away. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  readonly code: string
  readonly instead: string
}

/** Bounds on what is counted before it is parsed or validated. */
const COUNTS: readonly Edit[] = [
  { file: 'protocol/limits.ts', code: 'maxJsonValues: 524_288', instead: 'maxJsonValues: 1e12' },
  { file: 'protocol/limits.ts', code: 'maxJsonStrings: 262_144', instead: 'maxJsonStrings: 1e12' },
  {
    file: 'protocol/limits.ts',
    code: 'maxJsonContainers: 131_072',
    instead: 'maxJsonContainers: 1e12',
  },
  { file: 'protocol/limits.ts', code: 'maxMessages: 4_096', instead: 'maxMessages: 1e12' },
]

/** For each attack the defences against it, as the edits that take them away: its control. */
export const DEFENCES: Readonly<Record<string, readonly Edit[]>> = {
  'announced bodies': [
    {
      // Memory is claimed as bytes arrive. Sixteen announced bodies and their heads just fill it.
      file: 'node/serve/attempt.ts',
      code: 'memory.grow(resumeBytes(head))',
      instead: 'memory.grow(head.bodyBytes - 48)',
    },
    {
      // A share for each peer and network, and some for small requests.
      file: 'protocol/byte-budget.ts',
      code: 'const free = this.#maxBytes - this.#usedBytes - bytes',
      instead: 'if (true) return this.#usedBytes + bytes <= this.#maxBytes; const free = 0',
    },
  ],
  'withheld heads': [
    {
      file: 'node/serve/kept-streams.ts',
      code: 'const MAX_UNUSED_PER_PEER = 256',
      instead: 'const MAX_UNUSED_PER_PEER = MAX_WAITING_IN_ALL',
    },
    {
      file: 'node/serve/kept-streams.ts',
      code: 'const MAX_UNUSED_PER_NETWORK = 512',
      instead: 'const MAX_UNUSED_PER_NETWORK = MAX_WAITING_IN_ALL',
    },
    {
      file: 'node/serve/kept-streams.ts',
      code: 'const MAX_IDLE_PER_PEER = 64',
      instead: 'const MAX_WAITING_IN_ALL = 1_024; const MAX_IDLE_PER_PEER = 64',
    },
    {
      file: 'node/serve/kept-streams.ts',
      code: 'const MAX_WAITING = 2_048',
      instead: 'const MAX_WAITING = MAX_WAITING_IN_ALL',
    },
  ],
  'unread answers': [
    {
      file: 'node/serve/reader-patience.ts',
      code: 'const PATIENCE_MS = 5_000',
      instead: 'const PATIENCE_MS = 1e9',
    },
    {
      file: 'node/admission/others-around.ts',
      code: 'export const OTHERS_AROUND_MS = 60_000',
      instead: 'export const OTHERS_AROUND_MS = -1e12',
    },
    {
      file: 'node/admission/lent-slots.ts',
      code: 'const atOnceMs = Math.max(enteredAtMs, againAtMs)',
      instead: 'const atOnceMs = Number.POSITIVE_INFINITY; void againAtMs',
    },
    {
      file: 'node/admission/lent-slots.ts',
      code: 'const OVERSTAY_MS = 5_000',
      instead: 'const OVERSTAY_MS = 1e12',
    },
  ],
  'costly bodies at the gateway': COUNTS,
  'costly bodies at the node': COUNTS,
  'silent sockets at the node': [
    {
      file: 'host/inbound/bounds.ts',
      code: 'pendingPerAddress: Math.max(2, Math.floor(pending / 4))',
      instead: 'pendingPerAddress: pending',
    },
    {
      file: 'host/inbound/pending.ts',
      code: 'if (oldest === undefined ||',
      instead: 'if (true || oldest === undefined ||',
    },
    {
      file: 'host/inbound/bounds.ts',
      code: 'const MOST_PENDING = 400',
      instead: 'const MOST_PENDING = 100',
    },
  ],
  'silent sockets at the gateway': [
    {
      file: 'gateway/server/idle-sockets.ts',
      code: 'if (sockets.size <= maxOpen) return',
      instead: 'if (true) return',
    },
  ],
}
