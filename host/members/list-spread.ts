import type { Connection, Libp2p } from '@libp2p/interface'
import type { ListHead, MemberHello } from '../../protocol/index.ts'
import { type Clock, IdleTimer, raceSignal, settledWithin } from '../../timing/index.ts'
import type { AskMember } from './ask-member.ts'
import { fittingLists } from './fitting-lists.ts'
import type { MembershipGate } from './gate.ts'
import { MEMBERSHIP } from './limits.ts'
import type { Membership } from './membership.ts'

export interface ListSpreadInit {
  readonly membership: Membership
  readonly gate: Pick<MembershipGate, 'memberOf'>
  readonly libp2p: Pick<Libp2p, 'getConnections'>
  readonly ask: AskMember
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** Spreads the signed lists over the connections of members. */
export class ListSpread {
  readonly #init: ListSpreadInit
  /** Numbers that the peer of a connection has. */
  readonly #heads = new WeakMap<Connection, readonly ListHead[]>()
  /** Number of the newest pre-shared key that it has. */
  readonly #keys = new WeakMap<Connection, number>()
  readonly #syncing = new WeakMap<Connection, Promise<void>>()

  constructor(init: ListSpreadInit) {
    this.#init = init
  }

  /** A peer has proved its membership, and said which lists and which key it has. */
  met(
    connection: Connection,
    { heads, keyNumber }: Pick<MemberHello, 'heads' | 'keyNumber'>,
  ): void {
    this.#heads.set(connection, heads)
    this.#keys.set(connection, keyNumber)
    void this.sync(connection)
  }

  /**
   * Exchanges lists with all connected members, both ways.
   *
   * @returns how many members have them all then
   * @throws the signal's reason
   */
  async spread({ signal }: { readonly signal: AbortSignal }): Promise<number> {
    const { clock, gate, libp2p, membership } = this.#init
    const proved = libp2p.getConnections().filter((each) => gate.memberOf(each) !== undefined)
    const synced = Promise.all(proved.map((connection) => this.sync(connection)))
    await raceSignal(settledWithin(synced, MEMBERSHIP.spreadMs, { clock }), signal)
    await this.#caughtUp(proved, signal)
    const told = proved.filter(
      (each) =>
        membership.roster.missing(this.#heads.get(each) ?? []).length === 0 &&
        membership.keys.keyFor(this.#keys.get(each) ?? 0) === undefined,
    )
    return new Set(told.map(({ remotePeer }) => remotePeer.toString())).size
  }

  /**
   * Resolves once this machine has the lists that these peers said they had. Any member can name a list that does not
   * exist: when none arrives for a while, those that are missing are taken for such.
   */
  async #caughtUp(connections: readonly Connection[], signal: AbortSignal): Promise<void> {
    const { clock, membership } = this.#init
    const heads = connections.flatMap((connection) => this.#heads.get(connection) ?? [])
    const { promise: caughtUp, resolve } = Promise.withResolvers<void>()
    using silence = new IdleTimer(MEMBERSHIP.catchUpMs, resolve, clock)
    const check = (): void => {
      silence.touch()
      if (!heads.some((head) => membership.roster.lacks(head))) resolve()
    }
    const unsubscribe = membership.onChange(check)
    try {
      check()
      await raceSignal(caughtUp, signal)
    } finally {
      unsubscribe()
    }
    for (const connection of connections) this.#dropMissing(connection)
  }

  /** Forgets heads of lists that did not arrive, so that they are waited for once, and the peer gets ours. */
  #dropMissing(connection: Connection): void {
    const { roster } = this.#init.membership
    const heads = this.#heads.get(connection) ?? []
    const arrived = heads.filter((head) => !roster.lacks(head))
    if (arrived.length < heads.length) this.#heads.set(connection, arrived)
  }

  /** Hands the peer the lists and the key that it lacks. Never rejects. */
  async sync(connection: Connection): Promise<void> {
    const running = this.#syncing.get(connection)
    if (running !== undefined) return await running
    const syncing = this.#handOver(connection).finally(() => this.#syncing.delete(connection))
    this.#syncing.set(connection, syncing)
    await syncing
  }

  async #handOver(connection: Connection): Promise<void> {
    const { membership, onError, signal } = this.#init
    try {
      for (;;) {
        const heads = this.#heads.get(connection) ?? []
        const lists = fittingLists(membership.roster.missing(heads))
        if (signal.aborted) return
        if (lists.length === 0) return await this.#handOverKey(connection)
        const bytes = lists.map((list) => list.bytes)
        const answer = await this.#init.ask(connection, { type: 'update', lists: bytes })
        if (answer.type !== 'updated') return
        this.#heads.set(connection, [
          ...heads.filter(({ issuer }) => !lists.some((list) => list.issuer.equals(issuer))),
          ...lists.map(({ issuer, number }) => ({ issuer, number })),
        ])
      }
    } catch (error) {
      if (connection.status === 'open' && !signal.aborted) onError('spreading the members', error)
    }
  }

  /** After the lists, which name the key. */
  async #handOverKey(connection: Connection): Promise<void> {
    const { membership, gate } = this.#init
    const key = membership.keys.keyFor(this.#keys.get(connection) ?? 0)
    const member = gate.memberOf(connection)?.certificate.member
    if (key === undefined || member === undefined || membership.roster.isRevoked(member)) return
    const update = { type: 'update', lists: [], secret: key.secret } as const
    const answer = await this.#init.ask(connection, update)
    if (answer.type === 'updated') this.#keys.set(connection, key.number)
  }
}
