import { InferenceError } from '../../protocol/index.ts'
import { openInnerScope, type Scope, Superseded } from '../../timing/index.ts'
import { type AnswerEvent, isVisible, type Journal } from '../request/index.ts'
import type { NamedMember } from './member.ts'

/** How an answer started, or that it is about to. `writing`: it has begun, with nothing to show yet. */
export type MemberStart =
  | { readonly type: 'writing' }
  /** The answer has a visible chunk, or is complete. */
  | { readonly type: 'began' }
  | { readonly type: 'failed'; readonly error: unknown }

export interface MemberAnswerInit {
  readonly member: NamedMember
  readonly journal: Journal
  readonly open: (scope: Scope) => AsyncGenerator<AnswerEvent, void, void>
}

/** The answer of one chain member. Buffered up to the first visible chunk; reading resumes when this answer is selected. */
export class MemberAnswer {
  readonly member: NamedMember
  readonly journal: Journal
  /** It exceeded `patienceMs`, and another member was started. */
  late: boolean = false
  readonly #scope: Scope
  readonly #source: AsyncGenerator<AnswerEvent, void, void>
  readonly #held: AnswerEvent[] = []
  #beginning: Promise<void> = Promise.resolve()

  constructor({ member, journal, open }: MemberAnswerInit, outer: Scope) {
    this.member = member
    this.journal = journal
    this.#scope = openInnerScope(outer)
    this.#source = open(this.#scope)
  }

  /** Starts reading. Calls `report` once with the result, and before that with progress. */
  start(report: (start: MemberStart) => void): void {
    this.#beginning = this.#begin(() => report({ type: 'writing' })).then(
      () => report({ type: 'began' }),
      (error: unknown) => report({ type: 'failed', error }),
    )
  }

  /** The whole answer, once it has begun. */
  async *events(): AsyncGenerator<AnswerEvent, void, void> {
    yield* this.#held.splice(0)
    yield* this.#source
  }

  /** Cancels the answer. Never rejects. */
  async close(): Promise<void> {
    this.#scope.abort(new Superseded())
    await this.#beginning
    await this.#source.return().catch(() => {})
    this.#scope[Symbol.dispose]()
  }

  async #begin(onWriting: () => void): Promise<void> {
    for (;;) {
      const next = await this.#source.next()
      if (next.done === true) throw new InferenceError('internal', 'an answer ended without done')
      const event = next.value
      if (event.type === 'writing') onWriting()
      else if (event.type === 'restart') this.#held.length = 0
      else this.#held.push(event)
      if (event.type === 'done') return
      if (event.type === 'chunk' && isVisible(event.chunk)) return
    }
  }
}
