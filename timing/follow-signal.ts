type Act = (reason: unknown) => void

interface Followers extends Disposable {
  readonly acts: Set<Act>
}

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
  const followers = followed.get(signal) ?? listenTo(signal)
  // The same function may follow twice.
  const own: Act = (reason) => act(reason)
  followers.acts.add(own)
  return {
    [Symbol.dispose]: () => {
      followers.acts.delete(own)
      if (followers.acts.size === 0) followers[Symbol.dispose]()
    },
  }
}

function listenTo(signal: AbortSignal): Followers {
  const acts = new Set<Act>()
  const onAbort = (): void => {
    for (const act of acts) act(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  const followers: Followers = {
    acts,
    [Symbol.dispose]: () => {
      if (followed.get(signal) === followers) followed.delete(signal)
      signal.removeEventListener('abort', onAbort)
    },
  }
  followed.set(signal, followers)
  return followers
}
