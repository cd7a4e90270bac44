import { type Clock, everyTogether, systemClock } from '../timing/index.ts'
import { collectGarbage } from './collect-garbage.ts'

/** How often the process looks whether it is idle. */
const LOOK_EVERY_MS = 10_000
/** CPU of an idle process, as a share of one core. */
const IDLE_SHARE = 0.05
/** Least time between two collections: each blocks the process for a tenth of a second or two. */
const COLLECT_EVERY_MS = 600_000
/** Growth of the heap, since the last collection, from which one is worth its time. */
const GROWTH = 1.3

export interface IdleMemoryInit {
  /** @default the machine's */
  readonly clock?: Clock
  /** Milliseconds of CPU of this process so far. @default as the system counts it */
  readonly cpuMs?: () => number
  /** Bytes that the heap takes. @default V8's */
  readonly heapBytes?: () => number
  /** Collects all garbage and returns free pages to the system. @default V8's */
  readonly collect?: () => void
}

/**
 * Returns memory to the system while the process has nothing to do. V8 keeps the room that a start or a burst took, a
 * third of an idle peer's memory, until it needs to collect garbage, which an idle process never does.
 *
 * @returns stops it
 */
export function releaseIdleMemory(init: IdleMemoryInit = {}): Disposable {
  const {
    clock = systemClock,
    cpuMs = ownCpuMs,
    heapBytes = ownHeap,
    collect = collectGarbage,
  } = init
  let cpuBeforeMs = cpuMs()
  let lookedAtMs = clock.now()
  let collectedAtMs = Number.NEGATIVE_INFINITY
  let heapAfter = 0
  return everyTogether(clock, LOOK_EVERY_MS, () => {
    const share = (cpuMs() - cpuBeforeMs) / (clock.now() - lookedAtMs)
    lookedAtMs = clock.now()
    cpuBeforeMs = cpuMs()
    const isDue = clock.now() - collectedAtMs >= COLLECT_EVERY_MS
    if (share > IDLE_SHARE || !isDue || heapBytes() < heapAfter * GROWTH) return
    collect()
    collectedAtMs = clock.now()
    heapAfter = heapBytes()
    cpuBeforeMs = cpuMs()
  })
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function ownHeap(): number {
  return process.memoryUsage().heapTotal
}
