import { InferenceError } from '../../protocol/index.ts'
import { raceSignal, systemClock } from '../../timing/index.ts'
import { idleOf, toEvict } from './memory.ts'
import type { PoolEntry } from './pool-entry.ts'

/** Advised beyond what a model took, because the next load takes a little more or less. */
const HEADROOM = 1.05
/** The advised bound is a multiple of this. */
const STEP_BYTES = 16 * 1_048_576

export interface MemoryRoomInit {
  readonly maxBytes: number
  /** Time after which a load gives up waiting for memory. */
  readonly timeoutMs: number
  /** All models of the pool, in memory or not. */
  readonly entries: () => readonly PoolEntry[]
  /** Takes an idle model out of memory. */
  readonly unload: (entry: PoolEntry) => Promise<void>
}

/** The memory that the models of a pool share. */
export class MemoryRoom {
  readonly #init: MemoryRoomInit
  #freed: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(init: MemoryRoomInit) {
    this.#init = init
  }

  /**
   * Makes room for a model: idle ones leave; while models that answer hold the memory, it waits. One call at a time.
   *
   * @throws InferenceError `over_capacity` after the timeout, `invalid_request` if the model exceeds all memory; the
   * signal's reason
   */
  async make(entry: PoolEntry, signal: AbortSignal): Promise<void> {
    this.requireFits(entry)
    const { maxBytes, timeoutMs, unload } = this.#init
    const giveUp = new AbortController()
    using _timer = systemClock.after(timeoutMs, () => giveUp.abort(this.#noRoom(entry)))
    const either = AbortSignal.any([signal, giveUp.signal])
    for (;;) {
      const leaving = toEvict(this.#residents(entry), entry.memoryBytes, maxBytes)
      if (leaving === undefined) {
        await raceSignal(this.#freed.promise, either)
        continue
      }
      const [next] = leaving
      if (next === undefined) return
      // One after the other: meanwhile a request may have arrived for the one behind it.
      await raceSignal(unload(next), either)
    }
  }

  /** A load has shown what a model takes: idle ones leave if that is more than was estimated. */
  async settle(entry: PoolEntry): Promise<void> {
    const { maxBytes, unload } = this.#init
    for (;;) {
      const residents = this.#residents(entry)
      const used = residents.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
      if (used + entry.memoryBytes <= maxBytes) return
      // As many as are idle, where they do not suffice.
      const [next] = idleOf(residents)
      if (next === undefined) return
      await unload(next)
    }
  }

  /** @throws InferenceError `invalid_request` if the model needs more than all the memory */
  requireFits(entry: PoolEntry): void {
    const refusal = this.refusalOf(entry)
    if (refusal === undefined) return
    throw new InferenceError('invalid_request', refusal, { details: { param: 'model' } })
  }

  /** Why a model can never be loaded, and what to do: it needs more than all the memory. */
  refusalOf({ id, memoryBytes, isMeasured }: PoolEntry): string | undefined {
    const { maxBytes } = this.#init
    if (memoryBytes <= maxBytes) return undefined
    const needs = isMeasured ? 'takes' : 'needs about'
    const enough = Math.ceil((memoryBytes * HEADROOM) / STEP_BYTES) * STEP_BYTES
    return `${id} ${needs} ${mebibytes(memoryBytes)} MiB of memory, and models may use ${mebibytes(maxBytes)} MiB: raise --max-memory to ${mebibytes(enough)}MiB, or take a smaller model`
  }

  /** A model ended a request, or left memory. */
  free(): void {
    this.#freed.resolve()
    this.#freed = Promise.withResolvers()
  }

  #residents(entry: PoolEntry): readonly PoolEntry[] {
    return this.#init.entries().filter((one) => one !== entry && one.holdsMemory)
  }

  #noRoom(entry: PoolEntry): InferenceError {
    const busy = this.#residents(entry).filter(({ active }) => active > 0)
    const names = busy.map(({ id }) => id).join(', ')
    return new InferenceError(
      'over_capacity',
      `there is no memory for ${entry.id} while ${names || 'other models'} answer`,
      { retryAfterMs: 1_000 },
    )
  }
}

function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1_048_576)
}
