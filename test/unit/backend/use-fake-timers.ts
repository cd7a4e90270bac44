import { afterEach, beforeEach, vi } from 'vitest'

/** Timers and clocks of each test in this suite are fake; what goes through the loop at once stays as it is. */
export function useFakeTimers(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'],
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}
