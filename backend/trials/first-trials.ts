import { type AbortOptions, raceSignal, settledWithin } from '../../timing/index.ts'
import type { Trials } from './trials.ts'

/** Longest wait for trials before models are first offered: enough to load a small model. What later trials prove is offered as each ends. */
const FIRST_TRIALS_MS = 30_000

/** The wait for an engine's first trials. */
export class FirstTrials {
  readonly #trials: Pick<Trials, 'settled'>
  #first: { readonly ended: Promise<void>; isOver: boolean } | undefined

  constructor(trials: Pick<Trials, 'settled'>) {
    this.#trials = trials
  }

  /** Resolves when they have ended or taken their time; undefined if they have. @throws the signal's reason */
  wait({ signal }: AbortOptions): Promise<void> | undefined {
    this.#first ??= this.#begin()
    return this.#first.isOver ? undefined : raceSignal(this.#first.ended, signal)
  }

  /** The next trials are first ones again. */
  restart(): void {
    this.#first = undefined
  }

  #begin(): { readonly ended: Promise<void>; isOver: boolean } {
    const ended = settledWithin(this.#trials.settled(), FIRST_TRIALS_MS)
    const first = { ended, isOver: false }
    void ended.then(() => {
      first.isOver = true
    })
    return first
  }
}
