import type { NodeFrame } from '../../protocol/index.ts'
import { type Clock, every, systemClock } from '../../timing/index.ts'
import type { Reply } from './reply.ts'

const WORKING: NodeFrame = { type: 'keepAlive', progress: { phase: 'working' } }

export interface PausesInit {
  readonly reply: Pick<Reply, 'encode' | 'offer'>
  readonly keepAliveMs: number
  /** @default the machine's */
  readonly clock?: Clock
}

/**
 * Reports work while the engine pauses within an answer. One timer for the whole answer: a timer for each token would
 * cost more than the token.
 */
export class Pauses implements Disposable {
  readonly #timer: Disposable
  /** Whether the engine is awaited, and since before the last tick. */
  #wait: 'none' | 'new' | 'long' = 'none'

  constructor({ reply, keepAliveMs, clock = systemClock }: PausesInit) {
    this.#timer = every(clock, keepAliveMs, () => {
      // A client that reads too slowly for this frame is not kept waiting by the engine.
      if (this.#wait === 'long') reply.offer(reply.encode(WORKING))
      else if (this.#wait === 'new') this.#wait = 'long'
    })
  }

  async during<T>(next: Promise<T>): Promise<T> {
    this.#wait = 'new'
    try {
      return await next
    } finally {
      this.#wait = 'none'
    }
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }
}
