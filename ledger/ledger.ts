import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Host } from '../host/index.ts'
import { openReceipt, PROTOCOLS, type Receipt } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'
import { askLedger } from './ask-ledger.ts'
import { issueReceipt, type Received } from './issue.ts'
import { createLedgerServer } from './ledger-server.ts'
import { ReceiptBook } from './receipt-book.ts'
import { loadReceipts, saveReceipts } from './saved-receipts.ts'
import type { ServedLog } from './served-log.ts'
import { SharedTrust } from './shared-trust.ts'

/** Receipts requested from one peer at a time. */
const FETCH_MAX = 64
/** Peers asked in one round. */
const ASKED_A_ROUND = 4
/** Of these, friends, if there are others to ask. */
const FRIENDS_A_ROUND = 3
/** Between two rounds, jittered by a quarter. */
const GATHER_EVERY_MS = 600_000
/** The first round waits until there are peers to ask. */
const FIRST_GATHER_MS = 30_000
/** Answers of one peer that wait for their receipt; further ones get none. */
const MAX_PENDING = 16

/** What a ledger needs of a host. */
export type LedgerHost = Pick<Host, 'peerId' | 'privateKey'> & {
  readonly libp2p: Pick<Libp2p, 'dialProtocol' | 'handle' | 'unhandle'>
}

/** The ledger's owner, and the peers it believes. */
export interface LedgerInit {
  readonly host: LedgerHost
  /** Ids of peers whose receipts count like the caller's own. @default none */
  readonly friends?: readonly string[]
  /** Answers of this peer, for which it countersigns. @default it signs nothing */
  readonly served?: ServedLog
  /** Peer id to credit the work to. Its receipts count like a friend's. @default this peer */
  readonly beneficiary?: string
  /** Throws for a peer without access. @default every peer has access */
  readonly admit?: (peer: PeerId) => void
  /** Directory that receipts are kept in. @default memory only */
  readonly dataDir?: string | undefined
  /** Receives a message for the operator if the stored receipts are damaged. @default none */
  readonly onFault?: ((message: string) => void) | undefined
  /** Peers that may have receipts. */
  readonly peers: () => readonly PeerId[]
  /** Whether asking a peer would open a connection through a relay: only friends are worth one. @default never */
  readonly needsRelay?: (peer: PeerId) => boolean
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** From 0, below 1. @default Math.random */
  readonly random?: () => number
}

/** Receipts that both sides signed: issued, gathered, and weighed by the caller's trust. */
export class Ledger implements AsyncDisposable {
  readonly book: ReceiptBook
  readonly trust: SharedTrust
  readonly #init: LedgerInit
  readonly #friends: readonly string[]
  readonly #now: () => number
  readonly #random: () => number
  readonly #closing = new AbortController()
  readonly #issuing = new Map<string, { last: Promise<void>; pending: number }>()
  #saved = 0
  #closed: Promise<void> | undefined
  #timer: Disposable | undefined

  constructor(init: LedgerInit) {
    const {
      now = systemClock.wall,
      random = Math.random,
      friends = [],
      beneficiary = '',
      host,
    } = init
    this.#init = init
    this.#now = now
    this.#random = random
    this.#friends = beneficiary === '' ? friends : [...friends, beneficiary]
    // Receipts of strangers must not evict those that count.
    const worth = ({ client }: Receipt): number => this.trust.mass(client.toString())
    this.book = new ReceiptBook(now, worth)
    this.trust = new SharedTrust(this.book, [host.peerId.toString(), ...this.#friends], now)
  }

  /** Loads stored receipts, starts to answer, and gathers receipts of others. */
  async start(): Promise<void> {
    const { host, served, beneficiary = '', dataDir, admit = () => {} } = this.#init
    const load = (dir: string): Promise<boolean> =>
      loadReceipts(this.book, dir, this.#now(), this.#init.onFault ?? (() => {}))
    const isDamaged = dataDir !== undefined && (await load(dataDir))
    // What was read from a damaged file is written again.
    this.#saved = isDamaged ? -1 : this.book.changes
    const { peerId, privateKey, libp2p } = host
    const server = createLedgerServer({
      ...{ peerId, privateKey, served, beneficiary, admit },
      ...{ book: this.book, now: this.#now, random: this.#random },
    })
    await libp2p.handle(PROTOCOLS.receipt, server, { runOnLimitedConnection: true })
    this.#schedule(FIRST_GATHER_MS)
  }

  /**
   * Issues a receipt for an answer, in sequence per peer. A failure leaves no receipt; nothing waits for it.
   *
   * @returns the receipt, or undefined
   */
  async issue(answer: Received): Promise<Receipt | undefined> {
    const server = answer.server.toString()
    const queue = this.#issuing.get(server) ?? { last: Promise.resolve(), pending: 0 }
    if (queue.pending >= MAX_PENDING || this.#closing.signal.aborted) return undefined
    queue.pending += 1
    this.#issuing.set(server, queue)
    const issued = queue.last.then(() => this.#issue(answer)).catch(() => undefined)
    queue.last = issued.then(() => {
      queue.pending -= 1
      if (queue.pending === 0) this.#issuing.delete(server)
    })
    return await issued
  }

  /**
   * Asks some peers, up to three of them friends, for the receipts that they are a party to, and keeps those of trusted
   * peers.
   */
  async gather(): Promise<void> {
    const { peers, needsRelay = () => false, host } = this.#init
    const known = peers().filter((peer) => !peer.equals(host.peerId))
    const isFriend = (peer: PeerId): boolean => this.#friends.includes(peer.toString())
    const friends = drawn(known.filter(isFriend), this.#random)
    const others = drawn(
      known.filter((peer) => !isFriend(peer) && !needsRelay(peer)),
      this.#random,
    )
    const first = friends.splice(0, FRIENDS_A_ROUND)
    for (const peer of [...first, ...others, ...friends].slice(0, ASKED_A_ROUND)) {
      await this.#fetch(peer).catch(() => {})
    }
  }

  /** Cancels what runs, stops answering, and saves the receipts. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    this.#closing.abort(new Error('closed'))
    await Promise.all([...this.#issuing.values()].map(({ last }) => last))
    await this.#init.host.libp2p.unhandle(PROTOCOLS.receipt)
    await this.#save()
  }

  async #issue(answer: Received): Promise<Receipt> {
    const { host } = this.#init
    const { signal } = this.#closing
    return await issueReceipt(
      {
        ...{ peerId: host.peerId, privateKey: host.privateKey, book: this.book, now: this.#now },
        ask: (server, request) => askLedger(host.libp2p, server, request, { signal }),
      },
      answer,
    )
  }

  async #fetch(peer: PeerId): Promise<void> {
    const { libp2p } = this.#init.host
    const { signal } = this.#closing
    const response = await askLedger(libp2p, peer, { type: 'fetch', max: FETCH_MAX }, { signal })
    if (response.type !== 'known') return
    for (const bytes of response.known.slice(0, FETCH_MAX)) {
      // One invalid receipt must not cost the others.
      const receipt = await openReceipt(bytes, this.#now()).catch(() => undefined)
      if (receipt === undefined) continue
      const isOwn = receipt.client.equals(peer) || receipt.server.equals(peer)
      // A stranger's receipt counts for nothing and is not worth the room.
      if (isOwn && this.trust.mass(receipt.client.toString()) > 0) this.book.add(receipt)
    }
  }

  #schedule(ms: number): void {
    if (this.#closing.signal.aborted) return
    const delayMs = ms * (0.75 + 0.5 * this.#random())
    this.#timer = systemClock.after(delayMs, () => void this.#round(), { background: true })
  }

  async #round(): Promise<void> {
    await this.gather()
    await this.#save()
    this.#schedule(GATHER_EVERY_MS)
  }

  /** A full disk does not end the ledger: receipts stay in memory. */
  async #save(): Promise<void> {
    const { dataDir } = this.#init
    if (dataDir === undefined || this.book.changes === this.#saved) return
    await saveReceipts(this.book, dataDir, this.#now()).then(
      (changes) => {
        this.#saved = changes
      },
      () => {},
    )
  }
}

function drawn<T>(from: readonly T[], random: () => number): T[] {
  return from
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
