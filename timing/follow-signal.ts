type Act = (reason: unknown) => void

const followed = new WeakMap<AbortSignal, Followers>()

/**
 * Calls `act` with the reason when the signal fires; at once if it has fired. Disposing it ends that.
 *
 * One listener serves all that follow a signal, because removing one of many listeners takes a search through them, and
 * every request of a client follows the signal of its end.
 */
export function followSignal(signal: AbortSignal, act: Act): Disposable {
  if (signal.aborted) {
    act(signal.reason)
    return { [Symbol.dispose]: () => {} }
  }
  const followers = followed.get(signal) ?? new Followers(signal)
  return new Follower(followers, act)
}

/** All that follow one signal. */
class Followers {
  readonly #signal: AbortSignal
  readonly #all = new Set<Follower>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
    followed.set(signal, this)
  }

  add(one: Follower): void {
    this.#all.add(one)
  }

  remove(one: Follower): void {
    this.#all.delete(one)
    if (this.#all.size > 0) return
    if (followed.get(this.#signal) === this) followed.delete(this.#signal)
    this.#signal.removeEventListener('abort', this.#onAbort)
  }

  readonly #onAbort = (): void => {
    for (const { act } of this.#all) act(this.#signal.reason)
  }
}

class Follower implements Disposable {
  readonly act: Act
  readonly #followers: Followers

  constructor(followers: Followers, act: Act) {
    this.act = act
    this.#followers = followers
    followers.add(this)
  }

  [Symbol.dispose](): void {
    this.#followers.remove(this)
  }
}
