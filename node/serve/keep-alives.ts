import type { Progress } from '../../protocol/index.ts'
import { type Clock, every } from '../../timing/index.ts'
import type { Reply } from './reply.ts'

const WORKING: Progress = { phase: 'working' }

export interface KeepAlivesInit {
  readonly reply: Pick<Reply, 'encode' | 'offer'>
  readonly everyMs: number
  readonly clock: Clock
}

/**
 * Reports progress while a client waits for an attempt: in the queue, for the first chunk, and while the engine pauses
 * within the answer. One timer for the whole attempt: a timer for each token would cost more than the token.
 */
export class KeepAlives implements Disposable {
  readonly #timer: Disposable
  #progress: Progress = WORKING
  /** Whether a part of the answer was sent. */
  #isAnswering: boolean = false
  /** Whether the client waits, within an answer since before the last tick. */
  #wait: 'none' | 'new' | 'long' = 'long'

  constructor({ reply, everyMs, clock }: KeepAlivesInit) {
    this.#timer = every(clock, everyMs, () => {
      // A client that reads too slowly for this frame is not kept waiting by the engine.
      if (this.#wait === 'long') {
        reply.offer(reply.encode({ type: 'keepAlive', progress: this.#progress }))
      } else if (this.#wait === 'new') this.#wait = 'long'
    })
  }

  /** The newest progress, for the reports until the first chunk. */
  report(progress: Progress): void {
    if (!this.#isAnswering) this.#progress = progress
  }

  /** The engine sent something. */
  pause(): void {
    this.#wait = 'none'
  }

  /** A chunk was sent, and the next one is awaited. */
  resume(): void {
    this.#isAnswering = true
    this.#progress = WORKING
    this.#wait = 'new'
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }
}
