import type { Client, RequestEvent } from '../client/index.ts'
import { CONSOLE_LIMITS } from './limits.ts'
import type { PromptBook } from './prompt-book.ts'
import type { RequestView } from './state.ts'

/** A request with the number of its last change. */
interface Kept {
  readonly view: RequestView
  readonly change: number
}

/** The last requests of a client, running ones included. Answers are not kept, and prompts only in a given book. */
export class RequestLog {
  readonly #client: Pick<Client, 'observe' | 'running'>
  /** By id, in the order of their starts as first seen. */
  readonly #kept = new Map<string, Kept>()
  readonly #unsubscribe: () => void
  readonly #onChange: () => void
  readonly #prompts: Pick<PromptBook, 'of'> | undefined
  #changes: number = 0

  constructor(
    client: Pick<Client, 'observe' | 'running'>,
    onChange: () => void,
    prompts?: Pick<PromptBook, 'of'>,
  ) {
    this.#prompts = prompts
    this.#client = client
    this.#onChange = onChange
    this.#unsubscribe = client.observe((event) => this.#ended(event))
  }

  /** Reads the running requests, which tell of their progress only when asked. */
  readRunning(): void {
    for (const request of this.#client.running()) this.#keep({ status: 'running', ...request })
  }

  /** Newest first. @param since only those changed after this change */
  views(since = 0): readonly RequestView[] {
    return [...this.#kept.values()]
      .filter(({ change }) => change > since)
      .map(({ view }) => this.#withPrompt(view))
      .reverse()
  }

  /** The number of the last change. */
  get changes(): number {
    return this.#changes
  }

  close(): void {
    this.#unsubscribe()
  }

  #withPrompt(view: RequestView): RequestView {
    const prompt = this.#prompts?.of(view.requestId)
    return prompt === undefined ? view : { ...view, prompt }
  }

  /** Of those that have ended: one that runs would come back as the newest. */
  #dropOldest(): void {
    for (const [id, { view }] of this.#kept) {
      if (view.status === 'running') continue
      this.#kept.delete(id)
      return
    }
  }

  #ended(event: RequestEvent): void {
    this.#keep({ status: 'ended', ...event })
  }

  #keep(view: RequestView): void {
    this.#changes += 1
    this.#kept.set(view.requestId, { view, change: this.#changes })
    if (this.#kept.size > CONSOLE_LIMITS.maxRequests) this.#dropOldest()
    this.#onChange()
  }
}
