import { Tally } from '../../../protocol/index.ts'

/** Between a choice and the start of its attempt there are a few turns of the event loop. */
const EXPECTED_MS = 50

/** Our own requests at each peer: the only measure of load that is never out of date. */
export class InFlight {
  readonly #counts = new Tally()
  #total = 0
  /** For each choice that has not started yet, the time until which it counts. */
  readonly #expected = new Map<string, number[]>()

  of(peer: string): number {
    return this.#counts.of(peer)
  }

  /** Includes those that were chosen a moment ago and are about to start: many choices may be made at the same time. */
  soon(peer: string, nowMs: number): number {
    const expected = this.#expected.get(peer)?.filter((untilMs) => untilMs > nowMs) ?? []
    if (expected.length > 0) this.#expected.set(peer, expected)
    else this.#expected.delete(peer)
    return this.of(peer) + expected.length
  }

  /** A peer was chosen. The choice counts until its attempt starts, or for a moment if it does not start. */
  expect(peer: string, nowMs: number): void {
    const expected = this.#expected.get(peer) ?? []
    expected.push(nowMs + EXPECTED_MS)
    this.#expected.set(peer, expected)
  }

  /** Counts one request until disposed. */
  enter(peer: string): Disposable {
    this.#expected.get(peer)?.shift()
    this.#add(peer, 1)
    return new Entry(() => this.#add(peer, -1))
  }

  get total(): number {
    return this.#total
  }

  #add(peer: string, by: number): void {
    this.#total += by
    this.#counts.add(peer, by)
  }
}

class Entry implements Disposable {
  readonly #leave: () => void

  constructor(leave: () => void) {
    this.#leave = leave
  }

  [Symbol.dispose](): void {
    this.#leave()
  }
}
