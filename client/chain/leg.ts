import { InferenceError } from '../../protocol/index.ts'
import { openInnerScope, type Scope, Superseded } from '../../timing/index.ts'
import { type AnswerEvent, isVisible, type Journal } from '../request/index.ts'
import type { NamedMember } from './member.ts'
/** What a leg tells before it leads. */
export type LegNews =
  /** Its answer has something to see, or is whole. */
  { readonly type: 'began' } | { readonly type: 'failed'; readonly error: unknown }

export interface LegInit {
  readonly member: NamedMember
  readonly journal: Journal
  readonly open: (scope: Scope) => AsyncGenerator<AnswerEvent, void, void>
}

/** One member of a chain at work. It holds back what nobody would see, and is read no further than its first visible piece until it leads. */
export class Leg {
  readonly member: NamedMember
  readonly journal: Journal
  /** It had its time to begin, and another was started beside it. */
  late: boolean = false
  readonly #scope: Scope
  readonly #events: AsyncGenerator<AnswerEvent, void, void>
  readonly #held: AnswerEvent[] = []
  #beginning: Promise<void> = Promise.resolve()

  constructor({ member, journal, open }: LegInit, outer: Scope) {
    this.member = member
    this.journal = journal
    this.#scope = openInnerScope(outer)
    this.#events = open(this.#scope)
  }

  /** Tells once. */
  start(tell: (news: LegNews) => void): void {
    this.#beginning = this.#begin().then(
      () => tell({ type: 'began' }),
      (error: unknown) => tell({ type: 'failed', error }),
    )
  }

  /** The answer from its start, once it has begun. */
  async *answer(): AsyncGenerator<AnswerEvent, void, void> {
    yield* this.#held.splice(0)
    yield* this.#events
  }

  /** Ends it, whatever it does. Never rejects. */
  async close(): Promise<void> {
    this.#scope.abort(new Superseded())
    await this.#beginning
    await this.#events.return().catch(() => {})
    this.#scope[Symbol.dispose]()
  }

  async #begin(): Promise<void> {
    for (;;) {
      const next = await this.#events.next()
      if (next.done === true)
        throw new InferenceError('internal', 'an answer ended without its end')
      const event = next.value
      if (event.type === 'restart') this.#held.length = 0
      else this.#held.push(event)
      if (event.type === 'done') return
      if (event.type === 'chunk' && isVisible(event.chunk)) return
    }
  }
}
