import type { Client, PeerListing, RequestEvent } from '../client/index.ts'
import { newPeerId } from '../testing/swarms/client-peers.ts'

/** A client whose peers and requests are made up, for a console under load. */
export interface SyntheticClient {
  readonly client: Client
  /** Ends a request over up to three peers. */
  endRequest(): void
}

const VERSION = new TextEncoder().encode('skein/0.0.0')

export async function createSyntheticClient(peerCount: number): Promise<SyntheticClient> {
  const ids = await Promise.all(Array.from({ length: peerCount }, () => newPeerId()))
  const [self, ...peers] = ids.map(String)
  const listeners = new Set<(event: RequestEvent) => void>()
  let count = 0
  const load = (index: number): NonNullable<PeerListing['load']> => ({
    ...{ state: 'ready', slots: 4, queueDepth: 0, expectedTtftMs: 0 },
    inFlight: (index + count) % 5,
  })
  const listing = (peerId: string, index: number): PeerListing => ({
    ...{ peerId, models: [`model-${index % 20}`], operator: '', slots: 4, expired: false },
    ...{ prefillRate: 0, decodeRate: 0, state: 'ready', load: load(index) },
    ...{ rttMs: 1 + (index % 90), connectedAt: '/ip4/192.0.2.1/tcp/4801' },
    reachability: 'public',
  })
  const client = {
    host: {
      peerId: ids[0],
      libp2p: Object.assign(new EventTarget(), {
        getConnections: () => [],
        getPeers: () => [],
        peerStore: { get: async () => ({ metadata: new Map([['AgentVersion', VERSION]]) }) },
      }),
      book: {
        get: (peerId: unknown) => {
          const id = `model-${peers.indexOf(String(peerId)) % 20}`
          return {
            addresses: [],
            models: [{ id, aliases: [], contextLength: 1, resume: 'tokens' }],
          }
        },
      },
    },
    names: { aliases: [], providers: [] },
    swarms: [],
    reputation: () => [],
    running: () => [],
    forget: () => 0,
    marks: () => [],
    receipts: () => new Map(),
    models: async () => [],
    peers: async () => peers.map(listing),
    observe: (listener: (event: RequestEvent) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  } as unknown as Client
  return {
    client,
    endRequest() {
      count += 1
      const attempts = Array.from({ length: 1 + (count % 3) }, (_, index) => ({
        ...{ peerId: peers[(count * 7 + index) % peers.length] ?? self, reason: 'first' },
        ...{ startedMs: index * 40, durationMs: 400, outcome: 'answered', tokens: 40 },
        ...{ deliveredTokens: 40, ttftMs: 35 },
      }))
      const event = {
        ...{ requestId: `synthetic-${count}`, startedAt: Date.now(), kind: 'chat' },
        ...{ model: `model-${count % 20}`, policy: { kind: 'hedge' }, resume: 'auto' },
        ...{ estimatedPromptTokens: 20, outcome: 'answered', ttftMs: 35, durationMs: 400 },
        ...{ attempts, resumes: 0, exact: true, cost: { tokens: 0, attempts: 0 } },
      } as unknown as RequestEvent
      for (const listener of listeners) listener(event)
    },
  }
}
