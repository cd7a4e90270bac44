import { InferenceError } from '../../protocol/index.ts'
import { type Clock, Mailbox, type Scope, Superseded } from '../../timing/index.ts'
import type { AnswerEvent, DeliveredChunk, Journal, SwitchModels } from '../request/index.ts'
import {
  brokenOffBy,
  countsAgainstMember,
  type MemberFailure,
  noneAnswered,
} from './chain-failure.ts'
import { deliveredChunk } from './delivered-chunk.ts'
import {
  describeMember,
  isInAnotherSwarm,
  isOfSeveralSwarms,
  labelOf,
  type Member,
  memberKey,
  type NamedMember,
  type OpenMember,
} from './member.ts'
import { MemberAnswer, type MemberStart } from './member-answer.ts'
import type { MemberHealth } from './member-health.ts'

export interface ChainInit {
  readonly members: readonly Member[]
  readonly health: MemberHealth
  readonly journal: Journal
  /** The caller gets the whole answer at once, so an interrupted answer may start over. */
  readonly restartable: boolean
  readonly switchModels: SwitchModels
  /** Wait for a first visible chunk after which the next member starts, too. */
  readonly patienceMs: number
  /** Starts an answer; with `delivered`, continues after it. */
  readonly open: (
    member: NamedMember,
    answer: ChainPart,
    scope: Scope,
  ) => AsyncGenerator<AnswerEvent, void, void>
  /** Whether a provider may continue another model's answer. */
  readonly continues: (member: Extract<NamedMember, { type: 'provider' }>) => boolean
  /** Resolves `auto` and plain names to models. @throws InferenceError if there is no model */
  readonly find: (member: OpenMember, signal: AbortSignal) => Promise<readonly NamedMember[]>
  readonly clock: Clock
  /** From 0, below 1. */
  readonly random: () => number
}

/** One member's part of an answer. */
export interface ChainPart {
  readonly journal: Journal
  /** What the caller has. */
  readonly delivered?: readonly DeliveredChunk[]
  /** It may continue by token ids and with the same weights only. */
  readonly isExact: boolean
  /** Whether another member is asked if this one fails. */
  readonly hasNext: boolean
}

/**
 * Asks the members of a chain in turn until one answers. If a member is silent for `patienceMs`, the next one starts
 * concurrently; the first visible chunk wins.
 *
 * @throws InferenceError with the failure of each member; the scope's reason once it has ended
 */
export async function* runChain(
  init: ChainInit,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const run = new ChainRun(init, scope)
  try {
    yield* run.events()
  } finally {
    await run.close()
  }
}

class ChainRun {
  readonly #init: ChainInit
  readonly #scope: Scope
  readonly #answers = new Set<MemberAnswer>()
  readonly #mailbox: Mailbox<readonly [MemberAnswer, MemberStart] | 'expanded'>
  readonly #failures: MemberFailure[] = []
  readonly #named = new Set<string>()
  readonly #closing = new Set<Promise<void>>()
  readonly #over = new AbortController()
  #queue: readonly Member[]
  /** The newest answer, until its `patienceMs` is over. */
  #awaited: MemberAnswer | undefined
  #joinAtMs: number | undefined
  #asked = 0
  /** Whether `auto` is being resolved. */
  #expanding: boolean = false
  #leader: MemberAnswer | undefined
  /** Whether the caller has a part of an answer. */
  #hasSent: boolean = false
  /** Chunks that another member may have to continue after. */
  #delivered: DeliveredChunk[] = []
  /** The failure that interrupted an answer the caller has a part of, and the number of failures up to it. */
  #broken: { readonly failure: MemberFailure; readonly before: number } | undefined
  /** Whether another member may continue the answer by token ids only. */
  #isExact: boolean = false

  constructor(init: ChainInit, scope: Scope) {
    this.#init = init
    this.#scope = scope
    this.#mailbox = new Mailbox(init.clock)
    this.#queue = init.members
    for (const member of init.members) this.#named.add(memberKey(member))
  }

  async *events(): AsyncGenerator<AnswerEvent, void, void> {
    const { restartable, journal, health } = this.#init
    const keeps = this.#keeps
    for (;;) {
      const answer = await this.#begun()
      yield modelEvent(answer.member)
      try {
        for await (const event of answer.events()) {
          if (event.type === 'chunk') {
            this.#hasSent = true
            if (keeps) this.#delivered.push(deliveredChunk(event))
          }
          if (event.type === 'done') {
            health.succeeded(memberKey(answer.member))
            await Promise.all(this.#closing)
            this.#adopt(answer)
          }
          yield event
        }
        return
      } catch (error) {
        this.#lost(answer, error)
      }
      if (!restartable) continue
      journal.exact = true
      yield { type: 'restart' }
    }
  }

  /** Whether another member may continue an answer, and needs what the caller has of it. */
  get #keeps(): boolean {
    const { restartable, switchModels, members } = this.#init
    if (restartable) return false
    return switchModels === 'mid-answer' || (members.length > 1 && members.some(isOfSeveralSwarms))
  }

  async close(): Promise<void> {
    if (this.#leader !== undefined) this.#adopt(this.#leader)
    this.#over.abort(new Superseded())
    for (const answer of this.#answers) this.#dismiss(answer)
    await Promise.all(this.#closing)
    this.#mailbox[Symbol.dispose]()
  }

  /** Resolves to the first answer that begins. */
  async #begun(): Promise<MemberAnswer> {
    const { signal } = this.#scope
    for (;;) {
      signal.throwIfAborted()
      if (this.#awaited === undefined && !this.#expanding) this.#openNext()
      if (this.#answers.size === 0 && !this.#expanding && this.#queue.length === 0) {
        throw this.#noneLeft()
      }
      const message = this.#mailbox.take()
      if (message === undefined) await this.#wait()
      else if (message === 'expanded') this.#expanding = false
      else {
        const [answer, start] = message
        if (!this.#answers.has(answer)) continue
        if (start.type === 'began') return this.#lead(answer)
        if (start.type === 'failed') this.#failed(answer, start.error)
        // It works: its own deadlines decide from here on.
        else if (this.#awaited === answer) this.#joinAtMs = undefined
      }
    }
  }

  async #wait(): Promise<void> {
    const { clock } = this.#init
    const mayJoin = this.#awaited !== undefined && this.#queue.length > 0
    await this.#mailbox.wait(mayJoin ? this.#joinAtMs : undefined, this.#scope.signal)
    const joinAtMs = this.#joinAtMs ?? Infinity
    if (this.#awaited === undefined || !mayJoin || clock.now() < joinAtMs) return
    this.#awaited.late = true
    this.#awaited = undefined
  }

  #openNext(): void {
    const { clock, health, journal, patienceMs, open } = this.#init
    const [next] = health.order(this.#queue, memberKey, clock.now())
    if (next === undefined) return
    this.#queue = this.#queue.filter((member) => member !== next)
    if (next.type === 'auto' || next.type === 'plain') {
      this.#expanding = true
      const { signal } = this.#scope
      const expanded = this.#expand(next, AbortSignal.any([signal, this.#over.signal]))
      void expanded.finally(() => this.#mailbox.put('expanded'))
      return
    }
    const later = this.#asked > 0
    this.#asked += 1
    const own = journal.member({ model: describeMember(next), later })
    const isExact = this.#isExact
    const delivered = this.#broken === undefined ? {} : { delivered: [...this.#delivered] }
    const hasNext = this.#queue.length > 0
    const about = { journal: own, isExact, hasNext, ...delivered }
    health.began(memberKey(next))
    const answer = new MemberAnswer(
      { member: next, journal: own, open: (scope) => open(next, about, scope) },
      this.#scope,
    )
    this.#answers.add(answer)
    this.#awaited = answer
    this.#joinAtMs = clock.now() + patienceMs
    answer.start((start) => this.#mailbox.put([answer, start]))
  }

  /** Never rejects. */
  async #expand(open: OpenMember, signal: AbortSignal): Promise<void> {
    try {
      const found = await this.#init.find(open, signal)
      const fresh = found.filter((member) => !this.#named.has(memberKey(member)))
      for (const member of fresh) this.#named.add(memberKey(member))
      this.#queue = [...fresh, ...this.#queue]
    } catch (error) {
      this.#failures.push({ member: describeMember(open), error: InferenceError.from(error) })
    }
  }

  #lead(leader: MemberAnswer): MemberAnswer {
    const { health } = this.#init
    this.#leader = leader
    this.#awaited = undefined
    for (const answer of this.#answers) {
      if (answer === leader) continue
      // A member that was overtaken by one started later probably hangs.
      if (answer.late) this.#coolDown(answer, {})
      this.#dismiss(answer)
    }
    // A member that has begun can be tried by other requests.
    health.released(memberKey(leader.member))
    return leader
  }

  #adopt(answer: MemberAnswer): void {
    if (this.#leader !== answer) return
    this.#leader = undefined
    this.#init.journal.adopt(answer.journal)
  }

  #failed(answer: MemberAnswer, cause: unknown): MemberFailure {
    const error = InferenceError.from(cause)
    if (this.#awaited === answer) this.#awaited = undefined
    if (countsAgainstMember(error)) this.#coolDown(answer, error)
    const failure = { member: describeMember(answer.member), error }
    this.#failures.push(failure)
    this.#dismiss(answer)
    return failure
  }

  #coolDown(
    { member }: MemberAnswer,
    failure: { readonly retryAfterMs?: number | undefined },
  ): void {
    const { clock, health, random } = this.#init
    health.failed(memberKey(member), failure, clock.now(), random())
  }

  /** Handles the failure of the leading answer. @throws InferenceError if the chain cannot continue */
  #lost(answer: MemberAnswer, cause: unknown): void {
    this.#scope.signal.throwIfAborted()
    this.#adopt(answer)
    const { restartable, switchModels, members, continues } = this.#init
    const failure = this.#failed(answer, cause)
    if (restartable) return
    if (switchModels === 'before-answer') {
      const others = members.length > 1 ? 'the chain does not switch models mid-answer' : ''
      // The same weights in another swarm are no other model.
      const mayGoOn = this.#keeps || !this.#hasSent
      this.#queue = this.#queue.filter((next) => mayGoOn && isInAnotherSwarm(next, answer.member))
      if (this.#queue.length === 0) throw brokenOffBy(failure, others, [])
      this.#isExact = true
    }
    this.#queue = this.#queue.filter((next) => next.type !== 'provider' || continues(next))
    this.#broken ??= { failure, before: this.#failures.length }
  }

  #noneLeft(): InferenceError {
    if (this.#broken === undefined) return noneAnswered(this.#failures)
    const { failure, before } = this.#broken
    return brokenOffBy(failure, 'no other model continues it', this.#failures.slice(before))
  }

  #dismiss(answer: MemberAnswer): void {
    this.#answers.delete(answer)
    this.#init.health.released(memberKey(answer.member))
    const closing = answer.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function modelEvent(member: NamedMember): AnswerEvent {
  const swarm = member.type === 'network' ? member.swarm : undefined
  return { type: 'model', model: labelOf(member), ...(swarm !== undefined && { swarm }) }
}
