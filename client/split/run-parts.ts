import { InferenceError } from '../../protocol/index.ts'
import { type Clock, Mailbox, raceSignal, Turns } from '../../timing/index.ts'
import type { Placement } from '../request/index.ts'
import type { Part, Settled, WorkQueue } from './work-queue.ts'

/** The events of the parts of a call, in order. `C` is a chunk of a streamed part, `R` the answer of a part. */
export type PartEvent<C, R> =
  | { readonly type: 'chunk'; readonly part: Part; readonly chunk: C }
  /** `items` are answered; empty if another copy was faster. */
  | {
      readonly type: 'answered'
      readonly part: Part
      readonly items: Settled['items']
      readonly answer: R
    }
  /** `items` have failed for good; empty if they will be retried. */
  | {
      readonly type: 'failed'
      readonly part: Part
      readonly items: Settled['items']
      readonly error: InferenceError
    }
  /** Cancelled, because the other copy was faster. */
  | { readonly type: 'superseded'; readonly part: Part }

export interface PartOptions {
  readonly signal: AbortSignal
  readonly placement: Placement
}

export interface RunPartsInit<C, R> {
  readonly queue: WorkQueue
  /**
   * Answers one part. `emit` delivers a chunk and resolves when the consumer has taken it; it rejects if the part is
   * cancelled.
   */
  readonly run: (part: Part, options: PartOptions, emit: (chunk: C) => Promise<void>) => Promise<R>
  /** Adds an item to the queue, or closes it. Called while there are fewer fresh items than may run at once. */
  readonly feed?: (() => Promise<void>) | undefined
  /** Whether a peer was busy before this answer. */
  readonly wasCrowded: (answer: R) => boolean
  readonly clock: Clock
}

type Message<C, R> =
  | { readonly type: 'fed' }
  | { readonly type: 'unfed'; readonly error: unknown }
  | {
      readonly type: 'chunk'
      readonly id: number
      readonly chunk: C
      readonly taken: () => void
    }
  | { readonly type: 'answered'; readonly id: number; readonly answer: R }
  | { readonly type: 'threw'; readonly id: number; readonly error: unknown }

interface Runner {
  readonly part: Part
  readonly controller: AbortController
  readonly peers: Set<string>
  /** Resolves when the part's run has ended; never rejects. */
  readonly over: Promise<void>
  shown: boolean
}

/**
 * Runs the parts that the queue hands out until every item has a result. Pull-based: while the consumer is busy, no part
 * starts and each stream waits with one chunk. Breaking out of the loop cancels all running parts.
 *
 * @throws the signal's reason; what `feed` throws
 */
export async function* runParts<C, R>(
  init: RunPartsInit<C, R>,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<PartEvent<C, R>, void, void> {
  const { queue, feed, clock } = init
  using mailbox = new Mailbox<Message<C, R>>(clock)
  const running = new Map<number, Runner>()
  const ending = new Set<Promise<void>>()
  let feeding = false

  const begin = (part: Part): void => {
    const { id } = part
    const controller = new AbortController()
    const peers = new Set<string>()
    const avoid = part.copyOf === undefined ? undefined : running.get(part.copyOf)?.peers
    const options: PartOptions = {
      signal: AbortSignal.any([signal, controller.signal]),
      placement: {
        onPeer: ({ key }) => peers.add(key),
        ...(avoid !== undefined && {
          narrow: (candidates) => candidates.filter(({ key }) => !avoid.has(key)),
        }),
      },
    }
    const emit = async (chunk: C): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>()
      mailbox.put({ type: 'chunk', id, chunk, taken: resolve })
      await raceSignal(promise, options.signal)
    }
    const over = init.run(part, options, emit).then(
      (answer) => mailbox.put({ type: 'answered', id, answer }),
      (error: unknown) => mailbox.put({ type: 'threw', id, error }),
    )
    running.set(id, { part, controller, peers, over, shown: false })
  }

  const end = (id: number, reason: unknown): Runner | undefined => {
    const runner = running.get(id)
    if (runner === undefined) return undefined
    running.delete(id)
    runner.controller.abort(reason)
    const { over } = runner
    ending.add(over)
    void over.finally(() => ending.delete(over))
    return runner
  }

  function* supersede({ cancel }: Settled): Generator<PartEvent<C, R>, void, void> {
    if (cancel === undefined) return
    const other = end(cancel, new InferenceError('cancelled', 'another copy was faster'))
    if (other !== undefined) yield { type: 'superseded', part: other.part }
  }

  function* handle(message: Message<C, R>): Generator<PartEvent<C, R>, void, void> {
    if (message.type === 'fed') {
      feeding = false
      return
    }
    if (message.type === 'unfed') throw message.error
    const runner = running.get(message.id)
    // Cancelled meanwhile.
    if (runner === undefined) return
    const { part } = runner
    if (message.type === 'threw') {
      running.delete(part.id)
      signal.throwIfAborted()
      const error = InferenceError.from(message.error)
      const settled = queue.failed(part.id, error, clock.now(), runner.shown)
      yield { type: 'failed', part, items: settled.items, error }
      return
    }
    if (message.type === 'chunk') {
      runner.shown = true
      yield { type: 'chunk', part, chunk: message.chunk }
      message.taken()
      return
    }
    running.delete(part.id)
    const { answer } = message
    const settled = queue.succeeded(part.id, clock.now(), init.wasCrowded(answer))
    yield* supersede(settled)
    yield { type: 'answered', part, items: settled.items, answer }
  }

  const feedOn = (): void => {
    if (feed === undefined || feeding || queue.closed || queue.fresh >= queue.concurrency) return
    feeding = true
    feed().then(
      () => mailbox.put({ type: 'fed' }),
      (error: unknown) => mailbox.put({ type: 'unfed', error }),
    )
  }

  // Thousands of parts may fail or be answered from memory, without one that waits.
  const turns = new Turns()
  try {
    while (!queue.done) {
      await turns.next()
      signal.throwIfAborted()
      for (;;) {
        const part = queue.next(clock.now())
        if (part === undefined) break
        begin(part)
      }
      feedOn()
      const message = mailbox.take()
      if (message === undefined) await mailbox.wait(queue.wakeAtMs(), signal)
      else yield* handle(message)
    }
  } finally {
    for (const id of [...running.keys()]) {
      end(id, new InferenceError('cancelled', 'the call has ended'))
    }
    await Promise.all(ending)
  }
}
