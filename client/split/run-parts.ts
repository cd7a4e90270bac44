import { InferenceError } from '../../protocol/index.ts'
import { type Clock, Mailbox, raceSignal } from '../../timing/index.ts'
import type { Placement } from '../request/index.ts'
import type { Part, Settled, WorkQueue } from './work-queue.ts'
/** What happens to the parts of a call, in the order of its happening. */
export type PartEvent<P, R> =
  | { readonly type: 'piece'; readonly part: Part; readonly piece: P }
  /** `items` are answered; none where another copy was faster. */
  | {
      readonly type: 'answered'
      readonly part: Part
      readonly items: Settled['items']
      readonly answer: R
    }
  /** `items` have failed for good; none where they come again. */
  | {
      readonly type: 'failed'
      readonly part: Part
      readonly items: Settled['items']
      readonly error: InferenceError
    }
  /** Called off, as the other copy was faster. */
  | { readonly type: 'superseded'; readonly part: Part }

export interface PartOptions {
  readonly signal: AbortSignal
  readonly placement: Placement
}

export interface RunPartsInit<P, R> {
  readonly queue: WorkQueue
  /**
   * Answers one part. `emit` shows a piece of the answer at once and resolves when the consumer has taken it; it rejects
   * once the part is called off.
   */
  readonly run: (part: Part, options: PartOptions, emit: (piece: P) => Promise<void>) => Promise<R>
  /** Adds an item to the queue, or closes it. Called while there are fewer fresh items than lanes. */
  readonly feed?: () => Promise<void>
  /** Whether a peer had no room on the way to this answer. */
  readonly crowded: (answer: R) => boolean
  readonly clock: Clock
}

type Message<P, R> =
  | { readonly type: 'fed' }
  | { readonly type: 'unfed'; readonly error: unknown }
  | {
      readonly type: 'piece'
      readonly id: number
      readonly piece: P
      readonly taken: () => void
    }
  | { readonly type: 'answered'; readonly id: number; readonly answer: R }
  | { readonly type: 'threw'; readonly id: number; readonly error: unknown }

interface Runner {
  readonly part: Part
  readonly controller: AbortController
  readonly peers: Set<string>
  /** Settles with the part's run, never rejects. */
  readonly over: Promise<void>
  shown: boolean
}

/**
 * Carries out what the queue says until every item has its result. What is yielded is pulled: while the consumer takes
 * its time, no part begins and each stream waits with one piece. Leaving early cancels everything that runs.
 *
 * @throws the signal's reason; what `feed` throws
 */
export async function* runParts<P, R>(
  init: RunPartsInit<P, R>,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<PartEvent<P, R>, void, void> {
  const { queue, feed, clock } = init
  const mailbox = new Mailbox<Message<P, R>>(clock)
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
    const emit = async (piece: P): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>()
      mailbox.put({ type: 'piece', id, piece, taken: resolve })
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

  function* supersede({ cancel }: Settled): Generator<PartEvent<P, R>, void, void> {
    if (cancel === undefined) return
    const other = end(cancel, new InferenceError('cancelled', 'another copy of it was faster'))
    if (other !== undefined) yield { type: 'superseded', part: other.part }
  }

  function* hear(message: Message<P, R>): Generator<PartEvent<P, R>, void, void> {
    if (message.type === 'fed') {
      feeding = false
      return
    }
    if (message.type === 'unfed') throw message.error
    const runner = running.get(message.id)
    // Called off meanwhile.
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
    if (message.type === 'piece') {
      runner.shown = true
      yield { type: 'piece', part, piece: message.piece }
      message.taken()
      return
    }
    running.delete(part.id)
    const { answer } = message
    const settled = queue.succeeded(part.id, clock.now(), init.crowded(answer))
    yield* supersede(settled)
    yield { type: 'answered', part, items: settled.items, answer }
  }

  const feedOn = (): void => {
    if (feed === undefined || feeding || queue.closed || queue.fresh >= queue.lanes) return
    feeding = true
    feed().then(
      () => mailbox.put({ type: 'fed' }),
      (error: unknown) => mailbox.put({ type: 'unfed', error }),
    )
  }

  try {
    while (!queue.done) {
      signal.throwIfAborted()
      for (;;) {
        const part = queue.next(clock.now())
        if (part === undefined) break
        begin(part)
      }
      feedOn()
      const message = mailbox.take()
      if (message === undefined) await mailbox.wait(queue.wakeAtMs(), signal)
      else yield* hear(message)
    }
  } finally {
    for (const id of [...running.keys()])
      end(id, new InferenceError('cancelled', 'the call is over'))
    await Promise.all(ending)
  }
}
