import { PerformanceObserver } from 'node:perf_hooks'
import v8 from 'node:v8'
import { collectGarbage } from './collect-garbage.ts'

/** Growth of the heap since the last full collection, in percent, at which the next one begins. V8's own goes up to 300. */
const GROWTH_PERCENT = 60
/** Room for young objects, both halves of it. V8's own goes up to 128 MiB. */
const YOUNG_BYTES = 32 * 1_048_576

/**
 * Keeps the memory of a process that serves others close to what it uses. V8 lets the heap grow to four times that before
 * it collects, on a machine with much memory, and it would stay so large under load. Bounds no allocation: a process that
 * needs more gets it.
 *
 * What V8's first optimizing compiler used is freed by a thread that did not allocate it, and malloc then keeps most of
 * it: some 40 MiB once a gateway's code is compiled. Here the thread that takes the code over frees it.
 *
 * V8 takes no bound for young objects from a running process, but whether they get more room at the next collection.
 *
 * @returns ends the bounds
 */
export function boundHeap(): Disposable {
  let mayGrow = true
  const look = (): void => {
    const hasRoom = youngBytes() < YOUNG_BYTES
    if (hasRoom === mayGrow) return
    mayGrow = hasRoom
    setYoungGrowth(mayGrow ? 2 : 1)
  }
  const observer = new PerformanceObserver(look)
  observer.observe({ entryTypes: ['gc'] })
  setGrowth(GROWTH_PERCENT)
  // The growth counts from here: without a collection V8 would let the heap grow to 80 MiB first.
  collectGarbage()
  setFreedInBackground(false)
  look()
  return {
    [Symbol.dispose]: () => {
      observer.disconnect()
      setGrowth(0)
      setYoungGrowth(2)
      setFreedInBackground(true)
    },
  }
}

/** @param percent 0 leaves it to V8 */
function setGrowth(percent: number): void {
  v8.setFlagsFromString(`--heap-growing-percent=${percent}`)
}

/** @param factor 2 is V8's own */
function setYoungGrowth(factor: number): void {
  v8.setFlagsFromString(`--semi-space-growth-factor=${factor}`)
}

function setFreedInBackground(isOn: boolean): void {
  v8.setFlagsFromString(`--${isOn ? '' : 'no-'}maglev-destroy-on-background`)
}

function youngBytes(): number {
  const young = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
  return young?.space_size ?? 0
}
