/** Settles with the promise, or rejects with the signal's reason as soon as that fires. Leaves no listener behind. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) {
      promise.catch(() => {})
      reject(signal.reason)
      return
    }
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Calls `tick` every `everyMs` while the promise is pending, one at a time; then settles like the promise. */
export async function whilePending<T>(
  promise: Promise<T>,
  everyMs: number,
  tick: () => Promise<void>,
): Promise<T> {
  const settled = promise.then(
    () => true,
    () => true,
  )
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const ticked = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), everyMs)
    })
    const isSettled = await Promise.race([settled, ticked])
    clearTimeout(timer)
    if (isSettled) return promise
    await tick()
  }
}
